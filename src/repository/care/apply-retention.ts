import * as z from 'zod';
import { throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import { callbackSchema, signalSchema } from '../../live-input.js';
import { quietly } from '../../quietly.js';
import { storeTime } from '../../stores/store-time.js';
import { formatMarks, newMarksKey, noMarks } from '../format/marks.js';
import { listRecords } from '../read/list-records.js';
import { findRecord, type Repository } from '../repository.js';
import { deleteBackup } from './delete-backup.js';
import { type DatedBackup, decideRetention, type RetentionDecision, type RetentionPolicy } from './retention.js';

/** How retention is applied. */
export interface RetentionOptions {
  /** Only this volume's backups. Default: every volume's. */
  readonly volumeId?: string | undefined;
  /** Tells what would be done, and does nothing but see the store's time, by an object that is put and deleted. Default false. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each backup that is decided on, and deleted where that is the decision. */
  readonly onProgress?:
    ((progress: { readonly backupsDone: number; readonly backupsTotal: number }) => void) | undefined;
}

/** What is accepted for {@link RetentionOptions}. */
export const retentionOptionsSchema = z.strictObject({
  volumeId: z.string().min(1).optional(),
  dryRun: z.boolean().optional(),
  signal: signalSchema.optional(),
  onProgress: callbackSchema<NonNullable<RetentionOptions['onProgress']>>().optional(),
});

/**
 * Deletes the backups that no rule keeps, volume by volume. One that cannot be read, or whose time the store does not tell, is left
 * alone; one that cannot be deleted stays, and its decision tells why.
 */
export async function applyRetention(
  repository: Repository,
  policy: RetentionPolicy,
  { volumeId, dryRun = false, signal, onProgress }: RetentionOptions,
): Promise<RetentionDecision[]> {
  const report = quietly(onProgress);
  const volumes = await backupsOfVolumes(repository, volumeId, signal);
  if (volumes.length === 0) return [];
  // Marks that mark nothing: a collection deletes what is left of them.
  const now = await storeTime(repository.store, newMarksKey(), formatMarks(noMarks), signal);
  const planned = volumes.flatMap((backups) => {
    const attempts = new Map(backups.map(({ backupId, attempt }) => [backupId, attempt]));
    return decideRetention(backups, policy, now).map((decision) => ({
      decision,
      attempt: attempts.get(decision.backupId),
    }));
  });
  const decisions: RetentionDecision[] = [];
  for (const { decision, attempt } of planned) {
    decisions.push(decision.keep || dryRun ? decision : await expire(repository, decision, attempt, signal));
    report?.({ backupsDone: decisions.length, backupsTotal: planned.length });
  }
  return decisions;
}

/** A backup as it was found: another run has another attempt. */
interface FoundBackup extends DatedBackup {
  readonly attempt: string;
}

async function backupsOfVolumes(
  repository: Repository,
  onlyVolumeId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<(readonly FoundBackup[])[]> {
  const volumes = new Map<string, FoundBackup[]>();
  for await (const found of listRecords(repository, onlyVolumeId, signal)) {
    if (!('record' in found) || Number.isNaN(found.committedAt.getTime())) continue;
    const { backupId, volumeId, attempt } = found.record;
    const backups = volumes.get(volumeId) ?? [];
    volumes.set(volumeId, backups);
    backups.push({ backupId, volumeId, attempt, committedAt: found.committedAt });
  }
  return [...volumes.values()];
}

/** What is deleted is what was decided about, not a backup that took its id meanwhile. */
async function expire(
  repository: Repository,
  decision: RetentionDecision,
  attempt: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RetentionDecision> {
  const backup = { id: decision.backupId, volumeId: decision.volumeId };
  try {
    const record = await findRecord(repository, backup, signal);
    if (record !== undefined && record.attempt !== attempt) {
      return { ...decision, keep: true, reasons: ['another backup has taken its place since'] };
    }
    await deleteBackup(repository, backup, signal);
    return decision;
  } catch (error) {
    if (!(error instanceof VmdkDriverError)) throw error;
    throwIfAborted(signal);
    return { ...decision, keep: true, reasons: [error.message] };
  }
}
