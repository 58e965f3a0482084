import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Volume } from '../../../../src/index.js';
import type { Exchange, Simulator, SimulatorMode } from '../../../../src/simulator/index.js';
import { bytesPerMiB, Lab, someContent } from '../../../driver/support/lab.js';
import { qemuImg } from '../../../vmdk/support/qemu.js';

/** A simulator with one volume, to which a client that others wrote is connected; and this library beside it. */
export class ClientLab implements AsyncDisposable {
  #ownCalls: number;

  private constructor(
    readonly lab: Lab,
    readonly volume: Volume,
    /** For the client's files. */
    readonly directory: string,
    readonly exchanges: readonly Exchange[],
    ownCalls: number,
  ) {
    this.#ownCalls = ownCalls;
  }

  static async open(mode: SimulatorMode): Promise<ClientLab> {
    const exchanges: Exchange[] = [];
    const lab = await Lab.start({
      simulator: {
        mode,
        onExchange(exchange) {
          exchanges.push(exchange);
        },
      },
    });
    const disk = { capacityBytes: 64 * bytesPerMiB, provisioning: 'thin' } as const;
    const volume = await lab.addVolume({ name: 'the volume' }, someContent(), disk);
    const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-client-'));
    return new ClientLab(lab, volume, directory, exchanges, exchanges.length);
  }

  get simulator(): Simulator {
    return this.lab.simulator;
  }

  /** How many calls the client has made: all since this library's login. */
  get clientCalls(): number {
    return this.exchanges.length - this.#ownCalls;
  }

  /** SHA-256 of what the simulator has in the volume's disk, or in the one disk of another VM. */
  contentOf(vm = 'the volume'): Promise<string> {
    const [disk] = this.simulator.vm(vm)?.disks ?? [];
    if (disk === undefined) throw new Error(`${vm} has no disk`);
    return this.simulator.diskSha256(disk.path);
  }

  /** SHA-256 of what qemu-img finds in a VMDK. */
  async contentOfFile(vmdk: string): Promise<string> {
    const raw = join(this.directory, `${basename(vmdk)}.raw`);
    await qemuImg('convert', '-f', 'vmdk', '-O', 'raw', vmdk, raw);
    const hash = createHash('sha256');
    await pipeline(createReadStream(raw), hash);
    return hash.digest('hex');
  }

  /** A stream of the volume's disk that this library's driver has exported. */
  async exportedByDriver(): Promise<string> {
    const { driver, service } = this.lab;
    const backup = { id: 'by-the-driver', volumeId: this.volume.id };
    const before = this.exchanges.length;
    await driver.backupVolume(backup, this.volume);
    this.#ownCalls += this.exchanges.length - before;
    if (service.openRestore === undefined) throw new Error('the service gives no streams');
    const { stream } = await service.openRestore(backup, {});
    const file = join(this.directory, 'by-the-driver.vmdk');
    await pipeline(stream, createWriteStream(file));
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}
