import * as z from 'zod';
import { assertOff } from '../backing/backing.js';
import { createBacking } from '../backing/create-backing.js';
import { deleteBacking } from '../backing/delete-backing.js';
import { extendBacking } from '../backing/extend-backing.js';
import { findBacking } from '../backing/find-backing.js';
import { InvalidInputError } from '../errors/index.js';
import { guardLogger, type Logger, loggerSchema, silentLogger } from '../logger.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { ParsedVolume, Volume } from '../model/volume.js';
import { ApplicationSlots } from '../operation/application-slots.js';
import { parseConfig, type VmdkDriverConfig } from '../operation/driver-config.js';
import { backupServiceSchema, vimSessionSchema } from '../operation/injected.js';
import type { Operation } from '../operation/operation.js';
import { type OperationOptions, operationOptionsSchema } from '../operation/options.js';
import type { OperationName } from '../operation/progress.js';
import { CountedSlots } from '../operation/transfer-slots.js';
import { parseInput } from '../parse-input.js';
import { thisOwner } from '../process/owner.js';
import { assertNoTemporaryVm } from '../restore/find-temporary-vms.js';
import { defaultLimitMs } from '../restore/signs-of-life.js';
import type { BackupService } from '../services/backup-service.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { backupVolume } from './backup-volume.js';
import type { IsAlive } from './is-taken-for-alive.js';
import { parseBackup, parseNewSize, parseVolume, volumeWarnings } from './parse-arguments.js';
import { recover, type RecoveryReport } from './recover.js';
import { restoreBackup, type RestoreResult } from './restore-backup.js';
import { type DriverMeans, runOperation } from './run-operation.js';
import { type VerificationReport, verifyBackup } from './verify-backup.js';
import { warnOfUnsafeDirectory } from './warn-of-unsafe-directory.js';

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

/** Options of operations that read a backup. */
export interface ManifestOptions extends OperationOptions {
  /** What `backupVolume` returned; the stream is held against it. Default: the one the service kept, if it keeps them. */
  readonly manifest?: BackupManifest | undefined;
}

/** Options of {@link VmdkDriver.recover}. */
export interface RecoverOptions extends OperationOptions {
  /**
   * How long ago a restore's owner must have been seen last for it to be taken for dead, in milliseconds, where nothing else
   * tells. Default 15 minutes: an owner shows every minute that it lives.
   */
  readonly olderThanMs?: number | undefined;
  /** Answers for the processes that the application knows; `undefined` leaves it to the signs of life. */
  readonly isAlive?: IsAlive | undefined;
}

const driverOptionsSchema = z.strictObject({
  vim: vimSessionSchema,
  backupService: backupServiceSchema,
  config: z.unknown().optional(),
  logger: loggerSchema.default(silentLogger),
});

// What a manifest is, is parsed with the backup it is to be of.
const manifestOptionsSchema = operationOptionsSchema.extend({ manifest: z.custom<BackupManifest>().optional() });
const recoverOptionsSchema = operationOptionsSchema.extend({
  olderThanMs: z.unknown().optional(),
  isAlive: z.custom<IsAlive>((value) => typeof value === 'function', 'is not a function').optional(),
});
const ageSchema = z.number().nonnegative().default(defaultLimitMs);

/**
 * Backs up and restores volumes that live as virtual disks in datastores of a vCenter or an ESXi host: the method
 * overrides `backup_volume` and `restore_backup` of OpenStack Cinder's VMDK driver blueprint.
 *
 * One driver serves any number of volumes at a time; of two operations on one volume the second is refused.
 */
export class VmdkDriver {
  readonly #means: DriverMeans;

  /** @throws InvalidInputError for a bad `config`, and for a `vim`, `backupService` or `logger` that lacks what is called */
  constructor(options: VmdkDriverOptions) {
    const { config: given, ...injected } = parseInput('options', driverOptionsSchema, options);
    const config = parseConfig(given);
    const logger = guardLogger(injected.logger);
    warnOfUnsafeDirectory(config.tmpDir, logger);
    const { transferSlots, transfersPerHost } = config;
    const slots =
      transferSlots === undefined ? new CountedSlots(transfersPerHost) : new ApplicationSlots(transferSlots, logger);
    this.#means = { ...injected, config, slots };
  }

  /**
   * Backs up a volume: finds its backing or creates it, exports its disk in stream-optimized form, checks the stream to its
   * last byte and hands it to the backup service.
   *
   * @returns the backup's manifest, for the application to keep and to give to `restoreBackup`
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
    const request = {
      name: 'backup',
      backupId: parsedBackup.id,
      volumeId: parsedVolume.id,
      exclusive: true,
      options: parseInput('options', operationOptionsSchema, options),
      warnings: volumeWarnings(volume),
      bytesOf: ({ streamBytes }: BackupManifest) => streamBytes,
    } as const;
    return runOperation(this.#means, request, (operation) => backupVolume(operation, parsedBackup, parsedVolume));
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
    const { manifest, ...common } = parseInput('options', manifestOptionsSchema, options);
    const request = {
      name: 'restore',
      backupId: parsedBackup.id,
      volumeId: parsedVolume.id,
      exclusive: true,
      options: common,
      warnings: volumeWarnings(volume),
      bytesOf: ({ streamBytes }: RestoreResult) => streamBytes,
    } as const;
    return runOperation(this.#means, request, (operation) =>
      restoreBackup(operation, parsedBackup, parsedVolume, manifest),
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
    const { manifest, ...common } = parseInput('options', manifestOptionsSchema, options);
    const request = {
      name: 'verify',
      backupId: parsedBackup.id,
      volumeId: parsedBackup.volumeId,
      options: common,
      bytesOf: ({ streamBytes }: VerificationReport) => streamBytes,
    } as const;
    return runOperation(this.#means, request, (operation) => verifyBackup(operation, parsedBackup, manifest));
  }

  /**
   * Creates a volume's backing with an empty disk, unless it has one.
   *
   * @returns the backing VM
   * @throws InvalidInputError, VolumeBusyError, NoValidDatastoreError, BackingInvalidError, VimFault, VimConnectionError,
   *   AbortError
   */
  async createBacking(volume: Volume, options: OperationOptions = {}): Promise<MoRef> {
    return this.#withBacking('create', volume, options, async (operation, parsed, found) => {
      if (found === undefined) return createBacking(operation, parsed);
      await assertOff(operation.vim, found, operation);
      return found;
    });
  }

  /**
   * Deletes a volume's backing and its disk. A volume without a backing is deleted already.
   *
   * @returns whether there was a backing
   * @throws InvalidInputError, VolumeBusyError, BackingInUseError, BackingInvalidError, VimFault, VimConnectionError, AbortError
   */
  async deleteBacking(volume: Volume, options: OperationOptions = {}): Promise<boolean> {
    return this.#withBacking('delete', volume, options, async ({ vim, signal }, _parsed, found) => {
      if (found === undefined) return false;
      await assertOff(vim, found, { signal });
      await deleteBacking(vim, found, { signal });
      return true;
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
  async extendVolume(volume: Volume, newSize: number, options: OperationOptions = {}): Promise<boolean> {
    const sizeBytes = parseNewSize(newSize);
    return this.#withBacking('extend', volume, options, async (operation, _parsed, found) => {
      if (found !== undefined) await extendBacking(operation, found, sizeBytes);
      return found !== undefined;
    });
  }

  /** Names this thread of this process in the journals of its restores; `recover({ isAlive })` asks about such ids. */
  get ownerId(): string {
    return thisOwner.id;
  }

  /**
   * Ends what dead processes left behind: restores are finished or undone by what the volume's VM says it has, temporary files
   * are deleted. Nothing of anyone else's is touched, and living operations are left alone: those of processes that are known
   * to live, and those whose owner was seen lately.
   *
   * @throws VimFault, VimConnectionError, AbortError
   */
  async recover(options: RecoverOptions = {}): Promise<RecoveryReport> {
    const { olderThanMs: age, isAlive, ...common } = parseInput('options', recoverOptionsSchema, options);
    const olderThanMs = parseInput('olderThanMs', ageSchema, age);
    return runOperation(this.#means, { name: 'recover', options: common }, (operation) => {
      operation.progress.enter('cleanup');
      return recover({ ...operation, olderThanMs, isAlive });
    });
  }

  /** Finds a volume's backing and does something about it, with the volume locked against other operations. */
  async #withBacking<T>(
    name: OperationName,
    volume: Volume,
    options: OperationOptions,
    work: (operation: Operation, volume: ParsedVolume, found: MoRef | undefined) => Promise<T>,
  ): Promise<T> {
    const parsed = parseVolume(volume);
    const request = {
      name,
      volumeId: parsed.id,
      exclusive: true,
      options: parseInput('options', operationOptionsSchema, options),
      warnings: volumeWarnings(volume),
    };
    return runOperation(this.#means, request, async (operation) => {
      operation.progress.enter('prepare');
      await assertNoTemporaryVm(operation.vim, parsed, operation);
      return work(operation, parsed, await findBacking(operation, parsed));
    });
  }
}
