import * as z from 'zod';
import { projectFolder } from '../backing/volume-folder.js';
import { InvalidInputError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../model/backup-manifest.js';
import { cinderAdapterTypes, diskProvisionings } from '../model/disk-kinds.js';
import { adapterTypeSpec, provisioningSpec, specWarnings, storageProfileSpec } from '../model/extra-specs.js';
import { whyNotAName, whyNotText } from '../model/name-rules.js';
import type { ParsedVolume, Volume } from '../model/volume.js';
import { parseInput } from '../parse-input.js';

const bytesPerGiB = 1024 ** 3;

const id = z.string().min(1).max(255).superRefine(refuseBy(whyNotText));
const sizeGiB = z
  .int()
  .positive()
  .max(Math.floor(Number.MAX_SAFE_INTEGER / bytesPerGiB));

const volumeSchema = z.looseObject({
  id,
  name: z.string().min(1).superRefine(refuseBy(whyNotAName)).optional(),
  size: sizeGiB,
  projectId: z
    .string()
    .min(1)
    .superRefine(refuseBy((projectId) => whyNotAName(projectFolder(projectId))))
    .nullish(),
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
    name: volume.name ?? defaultName(volume.id),
    sizeBytes: volume.size * bytesPerGiB,
    projectId: volume.projectId ?? undefined,
    provisioning: oneOf(diskProvisionings, extraSpecs, provisioningSpec),
    adapterType: oneOf(cinderAdapterTypes, extraSpecs, adapterTypeSpec),
    // An empty one names none.
    storageProfile: storageProfile === '' ? undefined : storageProfile,
  };
}

/** What to warn about in a volume that was parsed. */
export function volumeWarnings({ volumeType }: Volume): string[] {
  return specWarnings(volumeType?.extraSpecs ?? {});
}

/** @throws InvalidInputError */
export function parseNewSize(value: unknown): number {
  return parseInput('newSize', sizeGiB, value) * bytesPerGiB;
}

function defaultName(volumeId: string): string {
  const name = `volume-${volumeId}`;
  const reason = whyNotAName(name);
  if (reason === undefined) return name;
  throw new InvalidInputError('volume.name', `is volume-<id> by default, which ${reason}: give another`);
}

function refuseBy(whyNot: (text: string) => string | undefined) {
  return (text: string, context: z.RefinementCtx): void => {
    const reason = whyNot(text);
    if (reason !== undefined) context.addIssue(reason);
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

/** Reads a manifest the application kept, and holds it against the backup it is to be of. */
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
