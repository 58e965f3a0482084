import { randomUUID } from 'node:crypto';
import { type Backing, readBacking } from '../backing/backing.js';
import { datacenterOf } from '../backing/inventory.js';
import { markBacking } from '../backing/mark-backing.js';
import { type Cleanup, VolumeTooSmallError } from '../errors/index.js';
import type { UnwrittenJournal } from '../journal/restore-journal.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { thisOwner } from '../process/owner.js';
import { assertReplaceable } from '../restore/disk-replacer.js';
import { findIdleBacking } from '../restore/find-idle-backing.js';
import { makeRoom } from '../restore/make-room.js';
import { planDiskReplacement } from '../restore/plan-disk-replacement.js';
import { type DiskKind, planNewBacking } from '../restore/plan-new-backing.js';
import type { Restoration } from '../restore/restoration.js';
import { profilesForRestore } from '../restore/restore-profiles.js';
import { runRestoration } from '../restore/run-restoration.js';
import type { RestoreSource } from '../stream/restore-source.js';
import type { MoRef } from '../vim/schema/index.js';
import { fetchBackup } from './fetch-backup.js';
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
   * `done`; `pending` where the volume has its new disk but something of the old one, the temporary VM or the temporary file could not
   * be removed, which `recover()` will; `kept` where a file was kept since another VM refers to it, or may.
   */
  readonly cleanup: Cleanup;
  /** Datastore paths of the kept files; absent where there are none. */
  readonly kept?: readonly string[] | undefined;
}

/** A volume that may be restored to: it has no backing, or one whose disk can be replaced. */
interface Target {
  readonly existing: { readonly backing: Backing; readonly datacenter: MoRef } | undefined;
  readonly manifest: BackupManifest | undefined;
  readonly profiles: StorageProfiles;
}

/**
 * The blueprint's `restore_backup`: refuse what cannot be restored; fetch the stream; make room; import it as a new backing, or as
 * a temporary VM whose disk is then exchanged for the backing's; clean up.
 */
export async function restoreBackup(
  operation: Operation,
  backup: Backup,
  volume: ParsedVolume,
  givenManifest: unknown,
): Promise<RestoreResult> {
  const result = await restore(operation, backup, volume, givenManifest);
  return operation.leftovers.any ? { ...result, cleanup: 'pending' } : result;
}

async function restore(
  operation: Operation,
  backup: Backup,
  volume: ParsedVolume,
  givenManifest: unknown,
): Promise<RestoreResult> {
  const target = await refuse(operation, backup, volume, givenManifest);

  await using fetched = await fetchBackup(operation, backup, volume.id, target.manifest);
  const { source } = fetched;
  assertFits(source.capacityBytes, volume);

  const room = await prepareTarget(operation, volume, target, source);
  const journal = newJournal(volume, room?.backing);
  const restoration = await plan(operation, journal, volume, { ...target, existing: room }, source);
  const { imported, cleanup, kept } = await runRestoration(operation, journal, restoration);

  const { info, streamBytes, sha256 } = imported.measured;
  return {
    backupId: backup.id,
    volumeId: volume.id,
    backing: room?.backing.ref ?? imported.ref,
    created: room === undefined,
    capacityBytes: Math.max(volume.sizeBytes, info.capacityBytes),
    extended: volume.sizeBytes > info.capacityBytes,
    provisioning: imported.disk.provisioning,
    streamBytes,
    sha256,
    cleanup,
    ...(kept.length === 0 ? {} : { kept }),
  };
}

/** Refuses what cannot be restored, before anything happens. */
async function refuse(
  operation: Operation,
  backup: Backup,
  volume: ParsedVolume,
  givenManifest: unknown,
): Promise<Target> {
  const { vim, signal, progress, backupService } = operation;
  progress.enter('prepare');
  const ref = await findIdleBacking(operation, volume);
  const backing = ref && (await readBacking(vim, ref, { signal }));
  const existing = backing && { backing, datacenter: await datacenterOf(vim, backing.ref, { signal }) };
  if (existing !== undefined) await assertReplaceable(operation, existing.backing, existing.datacenter);
  const kept = givenManifest ?? (await backupService.readManifest?.(backup, { signal }));
  const manifest = kept === undefined ? undefined : parseManifestOf(backup, kept);
  assertFits(manifest?.capacityBytes ?? 0, volume);
  const profiles = await profilesForRestore(operation, volume, backing, manifest);
  return { existing, manifest, profiles };
}

function assertFits(capacityBytes: number, volume: ParsedVolume): void {
  if (capacityBytes > volume.sizeBytes) {
    throw new VolumeTooSmallError(
      `volume ${volume.id} has ${volume.sizeBytes} bytes where the backup is of a disk of ${capacityBytes}`,
    );
  }
}

/** Gives an existing backing what a restore needs: room for a second disk, and a mark that it is the volume's. */
async function prepareTarget(
  operation: Operation,
  volume: ParsedVolume,
  { existing, profiles }: Target,
  source: RestoreSource,
): Promise<Target['existing']> {
  if (existing === undefined) return undefined;
  const { vim, signal } = operation;
  const backing = await makeRoom(operation, existing.backing, volume, profiles, source);
  return { ...existing, backing: await markBacking(vim, backing, volume.id, { signal }) };
}

function newJournal(volume: ParsedVolume, backing: Backing | undefined): UnwrittenJournal {
  return {
    operation: randomUUID(),
    token: randomUUID(),
    owner: thisOwner.id,
    volumeId: volume.id,
    volumeName: backing?.name ?? volume.name,
  };
}

async function plan(
  operation: Operation,
  journal: UnwrittenJournal,
  volume: ParsedVolume,
  { existing, manifest, profiles }: Target,
  source: RestoreSource,
): Promise<Restoration> {
  if (existing !== undefined) {
    return planDiskReplacement(operation, { journal, volume, ...existing, profiles, source });
  }
  return planNewBacking(operation, journal, volume, diskKind(operation, volume, manifest, profiles), source);
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
    diskMode: manifest?.diskMode,
    storageProfiles,
  };
}
