import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BackupManifest, type RestoreResult, VmdkDriver, type Volume } from '../../src/index.js';
import { type Backup, FileBackupService } from '../../src/services/index.js';
import {
  type NewVmDisk,
  type Simulator,
  type SimulatorMode,
  startSimulator,
  type VmInfo,
} from '../../src/simulator/index.js';
import { SoapVimSession } from '../../src/vim/index.js';
import type { Scenario, TransferPath, Work } from './scenario.js';

export const bytesPerGiB = 1024 ** 3;

/**
 * How long a lease nobody keeps alive lasts: what an interruption orphans has to end by itself. The server's clock is put forward
 * for that, so it can be longer than any process waits for its turn on a busy machine.
 */
export const leaseTimeoutSeconds = 60;
/** How long a stalled transfer is waited for where one is to stall; elsewhere no busy machine must look like one. */
const shortStallTimeoutMs = 700;
const stallTimeoutMs = 30_000;
/** As whom the other machine logs in: servers tell whose task one is. */
const otherUser = { username: 'other-machine@vsphere.local', password: 'simulator' };
/** Long enough that a task still runs when its call was answered. */
const taskMs = 4;

/** Who does the work: what a driver in another process needs, too. */
export interface LabAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly thumbprint: string;
  readonly directory: string;
  readonly tmpDir: string;
}

/** A backup that a restore gives a volume, and the content of the disk it is of. */
export interface Source {
  readonly backup: Backup;
  readonly manifest: BackupManifest;
  /** The stream's file. */
  readonly file: string;
  readonly content: string;
}

/** One piece of work and what it begins with. */
export interface Subject {
  readonly scenario: Scenario;
  readonly volume: Volume;
  readonly backup: Backup;
  /** The restored backup's. */
  readonly manifest: BackupManifest;
  /** The volume's VM and its disk's content before, where it has one. */
  readonly before: VmInfo | undefined;
  readonly oldContent: string | undefined;
  /** What a restore gives the volume. */
  readonly newContent: string;
  /** What the other machine's restore gives it. */
  readonly otherContent: string;
}

export type WorkResult = BackupManifest | RestoreResult;

/** A simulator with a session and a backup service: one case at a time runs in it, many after each other. */
export class MatrixLab implements AsyncDisposable {
  readonly #vim: SoapVimSession;
  readonly address: LabAddress;
  /** Another machine's: another user, and a temporary directory of its own. */
  readonly otherAddress: LabAddress;
  readonly simulator: Simulator;
  readonly service: FileBackupService;
  /** Of volumes that no case touches. The other one is for a second restore at the same time. */
  source!: Source;
  otherSource!: Source;
  /** How many cases ran here. */
  cases = 0;

  private constructor(simulator: Simulator, vim: SoapVimSession, address: LabAddress, otherAddress: LabAddress) {
    this.simulator = simulator;
    this.#vim = vim;
    this.address = address;
    this.otherAddress = otherAddress;
    this.service = new FileBackupService({ directory: address.directory });
  }

  static async start(mode: SimulatorMode): Promise<MatrixLab> {
    const simulator = await startSimulator({ mode, leaseTimeoutSeconds, latency: { taskMs }, users: [otherUser] });
    const { host, port, username, password, thumbprint } = simulator;
    const vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const directory = await mkdtemp(join(tmpdir(), 'matrix-backups-'));
    const tmpDir = await mkdtemp(join(tmpdir(), 'matrix-tmp-'));
    const otherTmpDir = await mkdtemp(join(tmpdir(), 'matrix-other-tmp-'));
    const server = { host, port, thumbprint, directory };
    const lab = new MatrixLab(
      simulator,
      vim,
      { ...server, username, password, tmpDir },
      { ...server, ...otherUser, tmpDir: otherTmpDir },
    );
    lab.source = await lab.#addSource('source');
    lab.otherSource = await lab.#addSource('other source');
    return lab;
  }

  async #addSource(label: string): Promise<Source> {
    const volume = { id: randomUUID(), size: 1 };
    const vm = await this.addVolume(volume, label);
    const backup = { id: `source-${volume.id}`, volumeId: volume.id };
    const manifest = await this.driver('file').backupVolume(backup, volume);
    const [file = ''] = (await this.filesOf(backup)).filter((name) => name.endsWith('.vmdk'));
    return { backup, manifest, file: join(this.address.directory, file), content: await this.contentOf(vm) };
  }

  driver(transfer: TransferPath = 'file', { stalls = false } = {}): VmdkDriver {
    const { tmpDir } = this.address;
    const config = { tmpDir, transfer, stallTimeoutMs: stalls ? shortStallTimeoutMs : stallTimeoutMs };
    return new VmdkDriver({ vim: this.#vim, backupService: this.service, config });
  }

  /** Adds a volume with a backing whose disk holds something that its label tells from others. */
  async addVolume({ id, size }: Volume, label: string, disk: Partial<NewVmDisk> = {}): Promise<VmInfo> {
    const vm = await this.simulator.addVm({
      name: `volume-${id}`,
      instanceUuid: id,
      disk: { capacityBytes: size * bytesPerGiB, uuid: id, ...disk },
      extraConfig: { 'cinder.volume.id': id },
    });
    const [{ path } = { path: '' }] = vm.disks;
    await this.simulator.writeDisk(path, contentOf(label, 96));
    await this.simulator.writeDisk(path, contentOf(`${label}, end`, 32), bytesPerGiB - 1024 * 1024);
    return vm;
  }

  /** Sets up what a piece of work begins with. */
  async prepare(scenario: Scenario): Promise<Subject> {
    const volume = { id: randomUUID(), size: scenario.work.includes('larger') ? 2 : 1 };
    const before = startsWithBacking(scenario.work)
      ? // Not what a new backing gets, so that a restore which does not keep it is seen.
        await this.addVolume(volume, scenario.work === 'backup' ? 'source' : 'old', {
          adapterType: 'paraVirtual',
          unitNumber: 3,
          provisioning: scenario.mode === 'esxi' ? 'thick' : 'thin',
        })
      : undefined;
    // Encoding the same disk over and over would take most of the time.
    if (before !== undefined && scenario.work === 'backup') {
      await this.simulator.serveExport(before.disks[0]?.path ?? '', this.source.file);
    }
    return {
      scenario,
      volume,
      ...(scenario.work.startsWith('restore')
        ? { backup: this.source.backup, manifest: this.source.manifest }
        : { backup: { id: `backup-${volume.id}`, volumeId: volume.id }, manifest: this.source.manifest }),
      before,
      oldContent: before && (await this.contentOf(before)),
      newContent: this.source.content,
      otherContent: this.otherSource.content,
    };
  }

  async contentOf(vm: VmInfo): Promise<string> {
    const contents = await Promise.all(
      vm.disks.map(async ({ path, missing }) => (missing ? 'no file' : this.simulator.diskFingerprint(path))),
    );
    return contents.join();
  }

  /** The VMs that are to be found as a volume's: by its id, and by its name. */
  vmsOf({ id, name = `volume-${id}` }: Volume): VmInfo[] {
    return this.simulator.vms().filter((vm) => vm.instanceUuid === id || vm.name === name);
  }

  async temporaryFiles(): Promise<string[]> {
    return [...(await readdir(this.address.tmpDir)), ...(await readdir(this.otherAddress.tmpDir))];
  }

  /** The files of a backup in the service's directory. */
  async filesOf({ id }: Backup): Promise<string[]> {
    return (await readdir(this.address.directory)).filter((file) => file.startsWith(id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#vim.disconnect();
    await this.simulator.close();
    await rm(this.address.directory, { recursive: true, force: true });
    await rm(this.address.tmpDir, { recursive: true, force: true });
    await rm(this.otherAddress.tmpDir, { recursive: true, force: true });
  }
}

/** Does a subject's work. */
export function perform(driver: VmdkDriver, subject: Subject, signal?: AbortSignal): Promise<WorkResult> {
  const { scenario, backup, volume, manifest } = subject;
  return scenario.work.startsWith('restore')
    ? driver.restoreBackup(backup, volume, { manifest, signal })
    : driver.backupVolume(backup, volume, { signal });
}

function startsWithBacking(work: Work): boolean {
  return work === 'backup' || work.includes('existing');
}

/** So many KiB that compress little, and are the same for the same label. */
function contentOf(label: string, kib: number): Buffer {
  const bytes = Buffer.alloc(kib * 1024);
  let state = 7;
  for (const letter of Buffer.from(label)) state = (state * 31 + letter) >>> 0;
  for (let at = 0; at < bytes.length; at += 4) {
    state = (state * 1664525 + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}
