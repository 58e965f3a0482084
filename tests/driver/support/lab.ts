import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmdkDriver, type BackupService, type Volume, type VmdkDriverConfig } from '../../../src/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/index.js';
import { SoapVimSession } from '../../../src/vim/index.js';

export const bytesPerMiB = 1024 * 1024;
export const bytesPerGiB = 1024 * bytesPerMiB;

export interface LabOptions {
  readonly simulator?: SimulatorOptions;
  readonly config?: VmdkDriverConfig;
  /** Default: a `FileBackupService`. */
  readonly service?: BackupService;
}

/** A simulator, a session with it, a backup service and a driver: what a test of the driver needs. */
export class Lab implements AsyncDisposable {
  private constructor(
    readonly simulator: Simulator,
    readonly vim: SoapVimSession,
    readonly service: BackupService,
    readonly driver: VmdkDriver,
    readonly directory: string,
    readonly tmpDir: string,
  ) {}

  static async start({ simulator: simulatorOptions, config, service }: LabOptions = {}): Promise<Lab> {
    const simulator = await startSimulator(simulatorOptions);
    const directory = await mkdtemp(join(tmpdir(), 'lab-backups-'));
    const tmpDir = await mkdtemp(join(tmpdir(), 'lab-tmp-'));
    const { host, port, username, password, thumbprint } = simulator;
    const vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const backupService = service ?? new FileBackupService({ directory });
    const driver = new VmdkDriver({ vim, backupService, config: { tmpDir, ...config } });
    return new Lab(simulator, vim, backupService, driver, directory, tmpDir);
  }

  /** A driver beside the lab's own, on the same session. */
  driverWith({ config, service }: Omit<LabOptions, 'simulator'>): VmdkDriver {
    return new VmdkDriver({
      vim: this.vim,
      backupService: service ?? this.service,
      config: { tmpDir: this.tmpDir, ...config },
    });
  }

  /** A volume with a backing whose disk holds something. */
  async addVolume(volume: Partial<Volume> = {}, content: Buffer = someContent()): Promise<Volume> {
    const id = volume.id ?? randomUUID();
    const added = { size: 1, ...volume, id };
    this.simulator.addVm({
      name: added.name ?? `volume-${id}`,
      instanceUuid: id,
      disk: { capacityBytes: added.size * bytesPerGiB, uuid: id },
      extraConfig: { 'cinder.volume.id': id },
    });
    await this.simulator.writeDisk(this.diskOf(added).path, content);
    return added;
  }

  vmOf(volume: Pick<Volume, 'id'>) {
    const vm = this.simulator.vms().find(({ instanceUuid }) => instanceUuid === volume.id);
    if (vm === undefined) throw new Error(`volume ${volume.id} has no backing`);
    return vm;
  }

  diskOf(volume: Pick<Volume, 'id'>) {
    const [disk, ...others] = this.vmOf(volume).disks;
    if (disk === undefined || others.length > 0) throw new Error('the backing has not one disk');
    return disk;
  }

  /** What the volume's disk holds, zeros at its end aside. */
  contentOf(volume: Pick<Volume, 'id'>): Promise<string> {
    return this.simulator.diskFingerprint(this.diskOf(volume).path);
  }

  /** Calls of a method since the simulator started. */
  callsOf(method: string): number {
    return this.simulator.calls().filter((call) => call.method === method).length;
  }

  async temporaryFiles(): Promise<string[]> {
    return readdir(this.tmpDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vim.disconnect();
    await this.simulator.close();
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.tmpDir, { recursive: true, force: true });
  }
}

/** Some hundred KiB that compress a little, with holes between. */
export function someContent(seed = randomBytes(8)): Buffer {
  const content = Buffer.alloc(600 * 1024);
  content.write(`content ${seed.toString('hex')} `.repeat(4000), 0);
  randomBytes(100 * 1024).copy(content, 300 * 1024);
  return content;
}

export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
