import * as z from 'zod';
import {
  type BackupManifest,
  parseBackupManifest,
  type RecoveredRestore,
  type RestoreResult,
  type VerificationReport,
} from '../index.js';
import type { RetentionDecision } from '../repository/index.js';
import { type JobError, toJobError } from './job-error.js';
import type { JobKind } from './job-request.js';

/** What each kind of job comes to: what the driver's operation resolves to, as JSON. */
export interface JobResults {
  readonly backup: BackupManifest;
  readonly restore: RestoreResult;
  readonly verify: VerificationReport;
  readonly recover: {
    readonly restores: readonly (Omit<RecoveredRestore, 'error'> & { readonly error?: JobError | undefined })[];
    readonly temporaryFiles: readonly string[];
  };
  readonly retention: {
    /** `committedAt` in ISO 8601. */
    readonly decisions: readonly (Omit<RetentionDecision, 'committedAt'> & { readonly committedAt: string })[];
  };
}

/** What a job came to. */
export type JobResult = JobResults[JobKind];

const text = z.string();
const schemas = {
  backup: z.custom<BackupManifest>().transform(parseBackupManifest),
  restore: z.looseObject({ backupId: text, volumeId: text, sha256: text, cleanup: text }),
  verify: z.looseObject({ backupId: text, sha256: text, streamBytes: z.number() }),
  recover: z.looseObject({
    restores: z.array(z.looseObject({ volumeId: text.optional(), outcome: text })),
    temporaryFiles: z.array(text),
  }),
  retention: z.looseObject({
    decisions: z.array(z.looseObject({ backupId: text, volumeId: text, keep: z.boolean(), committedAt: text })),
  }),
} as const;

/** Reads what a worker, perhaps of another version, wrote. */
export function parseJobResult(kind: JobKind, value: unknown): JobResult {
  // What is checked is what is relied on; the rest is the other version's.
  return schemas[kind].parse(value) as unknown as JobResult;
}

/** A result as it goes to Redis: errors in it as their JSON. */
export function toJson(result: unknown): unknown {
  return JSON.parse(
    JSON.stringify(result, (_key, value: unknown) => (value instanceof Error ? toJobError(value) : value)),
  );
}
