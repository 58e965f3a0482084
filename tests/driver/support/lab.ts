import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import {
  type AdapterType,
  type BackupService,
  type Logger,
  type VimSession,
  VmdkDriver,
  type VmdkDriverConfig,
  VmdkDriverError,
  type Volume,
} from '../../../src/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import {
  type Provisioning,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../src/simulator/index.js';
import { SoapVimSession } from '../../../src/vim/index.js';
import { until } from '../../support/until.js';

export const bytesPerMiB = 1024 * 1024;
export const bytesPerGiB = 1024 * bytesPerMiB;

export interface LabOptions {
  readonly simulator?: SimulatorOptions;
  readonly config?: VmdkDriverConfig;
  /** Default: a `FileBackupService`. */
  readonly service?: BackupService;
  readonly logger?: Logger;
}

/** What a volume's disk is like besides its content. */
export interface DiskOptions {
  readonly capacityBytes?: number;
  readonly provisioning?: Provisioning;
  readonly adapterType?: AdapterType;
  readonly unitNumber?: number;
  readonly diskMode?: string;
  readonly multiWriter?: boolean;
  readonly datastore?: string;
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

  static async start({ simulator: simulatorOptions, config, service, logger }: LabOptions = {}): Promise<Lab> {
    const simulator = await startSimulator(simulatorOptions);
    const directory = await mkdtemp(join(tmpdir(), 'lab-backups-'));
    const tmpDir = await mkdtemp(join(tmpdir(), 'lab-tmp-'));
    const { host, port, username, password, thumbprint } = simulator;
    const vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const backupService = service ?? new FileBackupService({ directory });
    const driver = new VmdkDriver({ vim, backupService, config: { tmpDir, ...config }, logger });
    return new Lab(simulator, vim, backupService, driver, directory, tmpDir);
  }

  /** A driver beside the lab's own, on the same session unless another is given. */
  driverWith({ config, service, logger, vim }: Omit<LabOptions, 'simulator'> & { vim?: VimSession }): VmdkDriver {
    return new VmdkDriver({
      vim: vim ?? this.vim,
      backupService: service ?? this.service,
      config: { tmpDir: this.tmpDir, ...config },
      logger,
    });
  }

  /** A volume with a backing whose disk holds something. */
  async addVolume(
    volume: Partial<Volume> = {},
    content: Buffer = someContent(),
    { datastore, adapterType, ...disk }: DiskOptions = {},
  ): Promise<Volume> {
    const id = volume.id ?? randomUUID();
    const added = { size: 1, ...volume, id };
    await this.simulator.addVm({
      name: added.name ?? `volume-${id}`,
      instanceUuid: id,
      disk: {
        capacityBytes: added.size * bytesPerGiB,
        uuid: id,
        adapterType: adapterType === 'ahci' ? 'sata' : adapterType,
        ...disk,
      },
      extraConfig: { 'cinder.volume.id': id },
      datastore,
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

  /** The simulator's state, with what each disk holds. */
  async everything() {
    const { vms, files } = await this.simulator.state();
    const disks = files.filter(({ kind }) => kind === 'disk').map(({ path }) => path);
    return { vms, files, content: await Promise.all(disks.map((path) => this.simulator.diskFingerprint(path))) };
  }

  /**
   * Expects an operation to be refused, and everything to be as it was: inventory, datastores with every disk's bytes,
   * leases, the temporary directory.
   *
   * @returns what it was refused with
   */
  async refusedUnchanged(operate: () => Promise<unknown>): Promise<VmdkDriverError> {
    const before = await this.everything();
    const error = await refusal(operate);
    expect(await this.everything()).toEqual(before);
    await this.expectNothingLeft();
    return error;
  }

  /** Nothing an operation makes for itself is there any more. */
  async expectNothingLeft(): Promise<void> {
    // The server may notice a moment later than the client that a connection was closed.
    await until(() => this.simulator.leftovers().every(({ kind }) => kind !== 'transfer'));
    expect(this.simulator.leftovers()).toEqual([]);
    expect(await this.temporaryFiles()).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vim.disconnect();
    await this.simulator.close();
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.tmpDir, { recursive: true, force: true });
  }
}

/** What an operation is refused with, which must be one of the library's errors. */
export async function refusal(operate: () => Promise<unknown>): Promise<VmdkDriverError> {
  const outcome = await operate().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`it was not refused but came to ${JSON.stringify(outcome.value)}`);
  if (!(outcome.error instanceof VmdkDriverError)) throw outcome.error;
  return outcome.error;
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
