import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { assertPoweredOff, readBacking, type Backing } from '../backing/backing.js';
import { findBacking } from '../backing/find-backing.js';
import { VolumeHasSnapshotsError, VolumeTooSmallError } from '../errors/index.js';
import type { RestoreJournal } from '../journal/restore-journal.js';
import { publishingBacking, type DiskKind } from '../restore/publish-backing.js';
import { replacingDisk } from '../restore/replace-disk.js';
import { profilesForRestore } from '../restore/restore-profiles.js';
import { runRestoration } from '../restore/run-restoration.js';
import { assertNoTemporaryVm } from '../restore/temporary-vm.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import type { MoRef } from '../vim/schema/index.js';
import type { ParsedVolume } from '../model/volume.js';
import { fetchBackup } from './fetch-backup.js';
import type { Operation } from '../operation/operation.js';
import { parseManifestOf } from './parse-arguments.js';

/** What a restore did. */
export interface RestoreResult {
  readonly backupId: string;
  readonly volumeId: string;
  /** The volume's backing VM. */
  readonly backing: MoRef;
  /** Whether the volume had no backing before. */
  readonly created: boolean;
  /** The volume's capacity now, in bytes. */
  readonly capacityBytes: number;
  /** Whether the disk was made larger than the backup's. */
  readonly extended: boolean;
  /** How the disk's space is reserved now; a datastore may decide that itself. */
  readonly provisioning: DiskProvisioning;
  /** Length of the restored stream in bytes, and its SHA-256. */
  readonly streamBytes: number;
  readonly sha256: string;
  /**
   * `done`, or `pending` where the volume has its new disk but something of the old one, or the temporary VM, could not
   * be removed; `recover()` will.
   */
  readonly cleanup: 'done' | 'pending';
}

/**
 * The blueprint's `restore_backup`: refuse what cannot be restored; download the stream; import it as a new backing, or as
 * a temporary VM whose disk then replaces the backing's; delete the temporary file and the temporary VM.
 */
export async function restoreBackup(
  operation: Operation,
  backup: Backup,
  volume: ParsedVolume,
  givenManifest: unknown,
): Promise<RestoreResult> {
  const { vim, signal, progress, backupService } = operation;

  progress.enter('prepare');
  await assertNoTemporaryVm(vim, volume, { signal });
  const ref = await findBacking(operation, volume);
  const backing = ref && (await readBacking(vim, ref, { signal }));
  if (backing !== undefined) assertReplaceable(backing);
  const kept = givenManifest ?? (await backupService.readManifest?.(backup, { signal }));
  const manifest = kept === undefined ? undefined : parseManifestOf(backup, kept);
  assertFits(manifest?.capacityBytes ?? 0, volume);
  const profiles = await profilesForRestore(operation, volume, backing, manifest);

  await using fetched = await fetchBackup(operation, backup, volume.id, manifest);
  const { source } = fetched;
  assertFits(source.capacityBytes, volume);

  const journal = newJournal(volume, backing);
  const restoration =
    backing === undefined
      ? await publishingBacking(operation, journal, volume, diskKind(operation, volume, manifest, profiles), source)
      : await replacingDisk(operation, journal, volume, backing, profiles, source);
  const { imported, cleanup } = await runRestoration(operation, journal, restoration);

  const { info, streamBytes, sha256 } = imported.measured;
  return {
    backupId: backup.id,
    volumeId: volume.id,
    backing: backing?.ref ?? imported.ref,
    created: backing === undefined,
    capacityBytes: Math.max(volume.sizeBytes, info.capacityBytes),
    extended: volume.sizeBytes > info.capacityBytes,
    provisioning: imported.disk.provisioning,
    streamBytes,
    sha256,
    cleanup,
  };
}

function assertReplaceable(backing: Backing): void {
  if (backing.hasSnapshots) {
    throw new VolumeHasSnapshotsError(`${backing.name} has snapshots; its disk cannot be replaced`);
  }
  assertPoweredOff(backing);
}

function assertFits(capacityBytes: number, volume: ParsedVolume): void {
  if (capacityBytes > volume.sizeBytes) {
    throw new VolumeTooSmallError(
      `volume ${volume.id} has ${volume.sizeBytes} bytes where the backup is of a disk of ${capacityBytes}`,
    );
  }
}

function newJournal(volume: ParsedVolume, backing: Backing | undefined): RestoreJournal {
  return {
    operation: randomUUID(),
    owner: `${hostname()}:${process.pid}`,
    startedAt: new Date().toISOString(),
    volumeId: volume.id,
    volumeName: backing?.name ?? volume.name,
  };
}

/** A new volume's disk is as its type asks, else as the one that was backed up. */
function diskKind(
  { config }: Operation,
  volume: ParsedVolume,
  manifest: BackupManifest | undefined,
  storageProfiles: StorageProfiles,
): DiskKind {
  return {
    adapterType: volume.adapterType ?? manifest?.adapterType ?? config.adapterType,
    provisioning: volume.provisioning ?? manifest?.provisioning ?? 'thin',
    storageProfiles,
  };
}
