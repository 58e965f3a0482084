import * as z from 'zod';
import { UnsupportedBackupError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import {
  type AdapterType,
  adapterTypes,
  type DiskMode,
  diskModes,
  type DiskProvisioning,
  diskProvisionings,
} from './disk-kinds.js';

/** What a backup is, as JSON the application can store. It holds no secret. */
export interface BackupManifest {
  /** The manifest's own format; a driver refuses one it does not know. */
  readonly formatVersion: 1;
  readonly backupId: string;
  readonly volumeId: string;
  /** The layout of the stored stream. */
  readonly diskFormat: 'streamOptimized';
  /** Length of the stream in bytes. It says nothing about the capacity. */
  readonly streamBytes: number;
  /** SHA-256 of the stream, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** The disk's capacity in bytes. */
  readonly capacityBytes: number;
  readonly provisioning: DiskProvisioning;
  readonly adapterType: AdapterType;
  /** Absent in backups of earlier versions, and for a mode that only other products have. */
  readonly diskMode?: DiskMode | undefined;
  /** The disk's UUID (`VirtualDiskFlatVer2BackingInfo.uuid`), where the server told it. */
  readonly diskUuid?: string | undefined;
  /** Id of the storage policy on the disk, where there is one. */
  readonly storageProfile?: string | undefined;
  /** When the export began, ISO 8601. */
  readonly startedAt: string;
  /** When the stream's last byte had been taken and checked, ISO 8601. */
  readonly finishedAt: string;
  /** What the backup service returned, for the application to keep. */
  readonly serviceMetadata?: BackupMetadata | undefined;
}

/** What a backup service has to say of a backup it took, as JSON. */
export type BackupMetadata = Readonly<Record<string, unknown>>;

const manifestSchema = z.object({
  formatVersion: z.literal(1),
  backupId: z.string().min(1),
  volumeId: z.string().min(1),
  diskFormat: z.literal('streamOptimized'),
  streamBytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  capacityBytes: z.int().positive(),
  provisioning: z.enum(diskProvisionings),
  adapterType: z.enum(adapterTypes),
  diskMode: z.enum(diskModes).optional(),
  diskUuid: z.string().optional(),
  storageProfile: z.string().optional(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  serviceMetadata: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Reads a manifest that comes from outside: an application's database, a file beside the data.
 *
 * @throws UnsupportedBackupError where it is of another version or format, or not a manifest at all
 */
export function parseBackupManifest(value: unknown): BackupManifest {
  const result = safeParse(value);
  if (!result.success) {
    throw new UnsupportedBackupError(`not a backup manifest of version 1: ${z.prettifyError(result.error)}`);
  }
  return result.data;
}

function safeParse(value: unknown): z.ZodSafeParseResult<BackupManifest> {
  try {
    return manifestSchema.safeParse(value);
  } catch (error) {
    // A getter that throws.
    throw new UnsupportedBackupError(`the backup's manifest cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}
