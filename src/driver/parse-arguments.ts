import * as z from 'zod';
import { InvalidInputError } from '../errors/index.js';
import { parseInput } from '../parse-input.js';
import type { Backup } from '../model/backup.js';
import { parseBackupManifest, type BackupManifest } from '../model/backup-manifest.js';
import { adapterTypes, diskProvisionings } from '../model/disk-kinds.js';
import { storageProfileSpec } from '../pbm/find-policy.js';
import type { ParsedVolume } from '../model/volume.js';

const bytesPerGiB = 1024 ** 3;
/** The volume type's extra spec that says how a disk's space is reserved (Cinder). */
const provisioningSpec = 'vmware:vmdk_type';
/** The one that says by which controller a disk is attached (Cinder, since 2.0.0 of its driver). */
const adapterTypeSpec = 'vmware:adapter_type';

const id = z.string().min(1).max(255);
const sizeGiB = z
  .int()
  .positive()
  .max(Math.floor(Number.MAX_SAFE_INTEGER / bytesPerGiB));

const volumeSchema = z.looseObject({
  id,
  // vCenter allows 80 characters in a VM's name.
  name: z.string().min(1).max(80).optional(),
  size: sizeGiB,
  projectId: z.string().min(1).nullish(),
  volumeType: z.looseObject({ extraSpecs: z.record(z.string(), z.string()).nullish() }).nullish(),
});

const backupSchema = z.looseObject({
  id,
  volumeId: id,
  size: sizeGiB.optional(),
  snapshotId: z.string().nullish(),
  parentId: z.string().nullish(),
});

/** @throws InvalidInputError that names the field */
export function parseVolume(value: unknown): ParsedVolume {
  const volume = parseInput('volume', volumeSchema, value);
  const extraSpecs = volume.volumeType?.extraSpecs ?? {};
  const storageProfile = extraSpecs[storageProfileSpec];
  return {
    id: volume.id,
    name: volume.name ?? `volume-${volume.id}`,
    sizeBytes: volume.size * bytesPerGiB,
    projectId: volume.projectId ?? undefined,
    provisioning: oneOf(diskProvisionings, extraSpecs, provisioningSpec),
    adapterType: oneOf(adapterTypes, extraSpecs, adapterTypeSpec),
    // An empty one names none.
    storageProfile: storageProfile === '' ? undefined : storageProfile,
  };
}

/** What an extra spec says, where it is there. */
function oneOf<T extends string>(
  known: readonly T[],
  extraSpecs: Readonly<Record<string, string>>,
  spec: string,
): T | undefined {
  const value = extraSpecs[spec];
  if (value === undefined) return undefined;
  const found = known.find((entry) => entry === value);
  if (found === undefined) {
    throw new InvalidInputError(`volume.volumeType.extraSpecs.${spec}`, `${value} is none of ${known.join(', ')}`);
  }
  return found;
}

/**
 * @throws InvalidInputError that names the field; also for a snapshot's backup or an increment, since this driver would
 *   back up the live disk, whole
 */
export function parseBackup(value: unknown): Backup {
  const backup = parseInput('backup', backupSchema, value);
  if (backup.snapshotId !== undefined && backup.snapshotId !== null) {
    throw new InvalidInputError('backup.snapshotId', 'backups of snapshots are not supported, only of the live disk');
  }
  if (backup.parentId !== undefined && backup.parentId !== null) {
    throw new InvalidInputError('backup.parentId', 'incremental backups are not supported');
  }
  return backup;
}

/** Reads a manifest a host kept, and holds it against the backup it is to be of. */
export function parseManifestOf(backup: Backup, value: unknown): BackupManifest {
  const manifest = parseBackupManifest(value);
  if (manifest.backupId !== backup.id) {
    throw new InvalidInputError('manifest.backupId', `is of backup ${manifest.backupId}, not of ${backup.id}`);
  }
  if (manifest.volumeId !== backup.volumeId) {
    throw new InvalidInputError('manifest.volumeId', `is of volume ${manifest.volumeId}, not of ${backup.volumeId}`);
  }
  return manifest;
}
