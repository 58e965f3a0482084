import * as z from 'zod';
import { parseConfig, type ResolvedConfig, type VmdkDriverConfig } from '../operation/driver-config.js';
import { createBacking, type BackingCreation } from '../backing/create-backing.js';
import { deleteBacking } from '../backing/delete-backing.js';
import { extendBacking } from '../backing/extend-backing.js';
import { findBacking } from '../backing/find-backing.js';
import { AbortError, InvalidInputError, throwIfAborted, VmdkDriverError, type Phase } from '../errors/index.js';
import { silentLogger, type Logger } from '../logger.js';
import { TransferSlots } from '../operation/transfer-slots.js';
import { parseInput } from '../parse-input.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { assertNoTemporaryVm } from '../restore/temporary-vm.js';
import type { BackupService } from '../services/backup-service.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { ParsedVolume, Volume } from '../model/volume.js';
import { backupVolume } from './backup-volume.js';
import type { Operation } from '../operation/operation.js';
import { parseBackup, parseVolume } from './parse-arguments.js';
import { ProgressReporter, type Progress } from '../operation/progress.js';
import { recover, type RecoveryReport } from './recover.js';
import { restoreBackup, type RestoreResult } from './restore-backup.js';
import { verifyBackup, type VerificationReport } from './verify-backup.js';
import { lockVolume } from './volume-locks.js';

/** What a driver is made of. */
export interface VmdkDriverOptions {
  /** A logged-in session with the vCenter or ESXi that has the volumes. */
  readonly vim: VimSession;
  /** Where backups are stored. */
  readonly backupService: BackupService;
  /** Default: every option's own. */
  readonly config?: VmdkDriverConfig | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
}

/** Options of every operation. */
export interface OperationOptions {
  /** Cancels the operation: the lease is aborted, temporary VM and file are removed, and it rejects with `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  /** Called at each phase, as bytes move, and at least every 5 s. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of operations that read a backup. */
export interface ManifestOptions extends OperationOptions {
  /** What `backupVolume` returned; the stream is held against it. Default: the one the service kept, if it keeps them. */
  readonly manifest?: BackupManifest | undefined;
}

/** Operations younger than an hour are not taken for dead unless the caller says so. */
const defaultAgeMs = 60 * 60 * 1000;

/**
 * Backs up and restores volumes that live as virtual disks in datastores of a vCenter or an ESXi host: the method
 * overrides `backup_volume` and `restore_backup` of OpenStack Cinder's VMDK driver blueprint.
 *
 * One driver serves any number of volumes at a time; of two operations on one volume the second is refused.
 */
export class VmdkDriver {
  readonly #vim: VimSession;
  readonly #backupService: BackupService;
  readonly #config: ResolvedConfig;
  readonly #logger: Logger;
  readonly #slots: TransferSlots;

  /** @throws InvalidInputError for a bad `config`, or a missing `vim` or `backupService` */
  constructor({ vim, backupService, config, logger }: VmdkDriverOptions) {
    parseInput('options', z.object({ vim: z.object({}), backupService: z.object({}) }), { vim, backupService });
    this.#vim = vim;
    this.#backupService = backupService;
    this.#config = parseConfig(config);
    this.#logger = logger ?? silentLogger;
    this.#slots = new TransferSlots(this.#config.transfersPerHost);
  }

  /**
   * Backs up a volume: finds its backing or creates it, exports its disk in stream-optimized form, checks the stream to its
   * last byte and hands it to the backup service.
   *
   * @returns the backup's manifest, for the host to keep and to give to `restoreBackup`
   * @throws InvalidInputError, VolumeBusyError, BackingInUseError, BackingInvalidError, NoValidHostError, NoValidDatastoreError,
   *   NoTemporarySpaceError, TemporaryDirectoryError, LeaseError, TransferError, TransferStalledError, InvalidVmdkError,
   *   BackupServiceError, VimFault, VimConnectionError, AbortError
   */
  async backupVolume(backup: Backup, volume: Volume, options: OperationOptions = {}): Promise<BackupManifest> {
    const parsedBackup = parseBackup(backup);
    const parsedVolume = parseVolume(volume);
    if (parsedBackup.volumeId !== parsedVolume.id) {
      throw new InvalidInputError('backup.volumeId', `is ${parsedBackup.volumeId}, the volume is ${parsedVolume.id}`);
    }
    using _lock = this.#lock(parsedVolume.id);
    return await this.#run('backup', options, (operation) => backupVolume(operation, parsedBackup, parsedVolume));
  }

  /**
   * Restores a backup into a volume: as a new backing where the volume has none, else by replacing the backing's disk. A
   * volume that is larger than the backup keeps its size. Until the one call that exchanges the disks, and whenever the
   * restore fails, the volume has its old disk, whole.
   *
   * @throws InvalidInputError, VolumeBusyError, VolumeHasSnapshotsError, VolumeTooSmallError, BackingInUseError,
   *   BackupNotFoundError, BackupCorruptError, UnsupportedBackupError, InvalidVmdkError, NoValidDatastoreError,
   *   RestoreError, and those of {@link backupVolume}
   */
  async restoreBackup(backup: Backup, volume: Volume, options: ManifestOptions = {}): Promise<RestoreResult> {
    const parsedBackup = parseBackup(backup);
    const parsedVolume = parseVolume(volume);
    using _lock = this.#lock(parsedVolume.id);
    return await this.#run('restore', options, (operation) =>
      restoreBackup(operation, parsedBackup, parsedVolume, options.manifest),
    );
  }

  /**
   * Reads a stored backup to its end and checks all of it: structure, every grain's data, length and SHA-256. vCenter is not
   * asked for anything.
   *
   * @returns a report of the good backup
   * @throws InvalidVmdkError, BackupCorruptError, BackupNotFoundError, UnsupportedBackupError, BackupServiceError, AbortError
   */
  async verifyBackup(backup: Backup, options: ManifestOptions = {}): Promise<VerificationReport> {
    const parsedBackup = parseBackup(backup);
    return await this.#run('verify', options, (operation) => verifyBackup(operation, parsedBackup, options.manifest));
  }

  /**
   * Creates a volume's backing with an empty disk, unless it has one.
   *
   * @returns the backing VM
   * @throws InvalidInputError, VolumeBusyError, NoValidDatastoreError, BackingInvalidError, VimFault, VimConnectionError,
   *   AbortError
   */
  async createBacking(volume: Volume, options: AbortableOptions = {}): Promise<MoRef> {
    return this.#withBacking(
      volume,
      options,
      async (creation, parsed, found) => found ?? createBacking(creation, parsed),
    );
  }

  /**
   * Deletes a volume's backing and its disk. A volume without a backing is deleted already.
   *
   * @returns whether there was a backing
   * @throws InvalidInputError, VolumeBusyError, BackingInvalidError, VimFault, VimConnectionError, AbortError
   */
  async deleteBacking(volume: Volume, options: AbortableOptions = {}): Promise<boolean> {
    return this.#withBacking(volume, options, async ({ vim }, _parsed, found) => {
      if (found !== undefined) await deleteBacking(vim, found);
      return found !== undefined;
    });
  }

  /**
   * Grows a volume's disk. A volume without a backing gets its disk in the new size when its backing is created.
   *
   * @param newSize in GiB
   * @returns whether there was a backing
   * @throws InvalidInputError, VolumeBusyError, BackingInUseError, BackingInvalidError, NoValidDatastoreError, VimFault,
   *   VimConnectionError, AbortError
   */
  async extendVolume(volume: Volume, newSize: number, options: AbortableOptions = {}): Promise<boolean> {
    const { sizeBytes } = parseVolume({ ...volume, size: newSize });
    return this.#withBacking(volume, options, async (creation, _parsed, found) => {
      if (found !== undefined) await extendBacking(creation, found, sizeBytes);
      return found !== undefined;
    });
  }

  /**
   * Ends what dead processes left behind: restores are finished or undone by what their journal says and what is attached
   * now, temporary files are deleted. Nothing of anyone else's is touched, and living operations are left alone.
   *
   * @param options.olderThanMs operations younger than this are left alone, in milliseconds. Default one hour
   * @throws VimFault, VimConnectionError, AbortError
   */
  async recover(
    options: { readonly olderThanMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<RecoveryReport> {
    const olderThanMs = parseInput('olderThanMs', z.number().nonnegative().default(defaultAgeMs), options.olderThanMs);
    const signal = options.signal ?? new AbortController().signal;
    try {
      return await recover({ vim: this.#vim, config: this.#config, logger: this.#logger, signal, olderThanMs });
    } catch (error) {
      throw duringPhase('cleanup', error);
    }
  }

  /** Finds a volume's backing and does something about it, with the volume locked against other operations. */
  async #withBacking<T>(
    volume: Volume,
    { signal }: AbortableOptions,
    work: (creation: BackingCreation, volume: ParsedVolume, found: MoRef | undefined) => Promise<T>,
  ): Promise<T> {
    const parsed = parseVolume(volume);
    using _lock = this.#lock(parsed.id);
    throwIfAborted(signal);
    const creation = { vim: this.#vim, config: this.#config, logger: this.#logger, signal };
    try {
      await assertNoTemporaryVm(this.#vim, parsed, { signal });
      return await work(creation, parsed, await findBacking(creation, parsed));
    } catch (error) {
      throw duringPhase('prepare', error);
    }
  }

  async #run<T>(
    name: Progress['operation'],
    options: OperationOptions,
    work: (operation: Operation) => Promise<T>,
  ): Promise<T> {
    using progress = new ProgressReporter(name, options.onProgress, this.#logger);
    const signal = options.signal ?? new AbortController().signal;
    try {
      if (signal.aborted) throw new AbortError(signal);
      return await work({
        vim: this.#vim,
        backupService: this.#backupService,
        config: this.#config,
        logger: this.#logger,
        slots: this.#slots,
        progress,
        signal,
      });
    } catch (error) {
      throw duringPhase(progress.phase, error);
    }
  }

  #lock(volumeId: string): Disposable {
    const { serviceContent, host, port } = this.#vim;
    return lockVolume(serviceContent.about.instanceUuid ?? `${host}:${port}`, volumeId);
  }
}

/** Notes where an error came up, unless it knows. */
function duringPhase(phase: Phase, error: unknown): unknown {
  if (error instanceof VmdkDriverError) error.phase ??= phase;
  return error;
}
