import * as z from 'zod';
import { type BackupManifest, parseBackupManifest, type Volume } from '../index.js';
import type { RetentionPolicy } from '../repository/index.js';

/** What a job does. */
export type JobKind = JobRequest['kind'];

/** Which backup is meant. */
export interface BackupReference {
  readonly id: string;
  /** The volume it is a copy of. Default, where the job has a volume: that. */
  readonly volumeId?: string | undefined;
  /** The volume's size when it was backed up, in GiB. */
  readonly size?: number | undefined;
}

/** `driver.backupVolume`. Of the volume only the fields go to Redis that {@link Volume} names. */
export interface BackupRequest {
  readonly kind: 'backup';
  /** Which driver does it, by the name that `startWorker({ drivers })` knows it by. */
  readonly vcenter: string;
  readonly volume: Volume;
  /** Not of a scheduled job: each run makes a new one, `<volume's id>-<time>`. */
  readonly backup?: BackupReference | undefined;
}

/** `driver.restoreBackup`. */
export interface RestoreRequest {
  readonly kind: 'restore';
  readonly vcenter: string;
  /** The volume restored to. */
  readonly volume: Volume;
  readonly backup: BackupReference;
  readonly manifest?: BackupManifest | undefined;
}

/** `driver.verifyBackup`. */
export interface VerifyRequest {
  readonly kind: 'verify';
  /** Whose driver, and so whose store, has it. */
  readonly vcenter: string;
  readonly backup: BackupReference & { readonly volumeId: string };
  readonly manifest?: BackupManifest | undefined;
}

/** `driver.recover`, with the workers' heartbeats for an answer to who lives. */
export interface RecoverRequest {
  readonly kind: 'recover';
  readonly vcenter: string;
  /** As of `driver.recover`, in milliseconds. */
  readonly olderThanMs?: number | undefined;
}

/** `RepositoryBackupService.applyRetention`, on the repository that `startWorker({ repositories })` names so. */
export interface RetentionRequest {
  readonly kind: 'retention';
  readonly vcenter: string;
  readonly policy: RetentionPolicy;
  /** Only the backups of this volume. Default: of all. */
  readonly volumeId?: string | undefined;
  /** Tell what would be deleted, and delete nothing. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** What one job is to do. It lies in Redis as it is, and has nothing secret. */
export type JobRequest = BackupRequest | RestoreRequest | VerifyRequest | RecoverRequest | RetentionRequest;

/** A vCenter's name becomes a queue's, a part of keys and of job ids. */
export const vcenterSchema = z
  .string()
  .regex(/^[\w.-]{1,200}$/, 'must be of letters, digits, dots, dashes and underscores');

const id = z.string().min(1).max(255);
const volumeSchema = z.object({
  id,
  name: z.string().min(1).optional(),
  size: z.int().positive(),
  projectId: z.string().min(1).nullish(),
  volumeType: z.object({ extraSpecs: z.record(z.string(), z.string()).nullish() }).nullish(),
});
const backupSchema = z.object({ id, volumeId: id.optional(), size: z.int().positive().optional() });
const manifestSchema = z.custom<BackupManifest>().transform((value, context) => {
  try {
    return parseBackupManifest(value);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : 'is not a manifest');
    return z.NEVER;
  }
});
const policySchema = z.strictObject({
  keepLast: z.int().positive().optional(),
  keepWithinDays: z.number().positive().optional(),
  daily: z.int().positive().optional(),
  weekly: z.int().positive().optional(),
  monthly: z.int().positive().optional(),
  yearly: z.int().positive().optional(),
  pinned: z.array(id).readonly().optional(),
});

export const requestSchema: z.ZodType<JobRequest> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('backup'),
    vcenter: vcenterSchema,
    volume: volumeSchema,
    backup: backupSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('restore'),
    vcenter: vcenterSchema,
    volume: volumeSchema,
    backup: backupSchema,
    manifest: manifestSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('verify'),
    vcenter: vcenterSchema,
    backup: backupSchema.extend({ volumeId: id }),
    manifest: manifestSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('recover'),
    vcenter: vcenterSchema,
    olderThanMs: z.number().nonnegative().optional(),
  }),
  z.strictObject({
    kind: z.literal('retention'),
    vcenter: vcenterSchema,
    policy: policySchema,
    volumeId: id.optional(),
    dryRun: z.boolean().optional(),
  }),
]);
