import * as z from 'zod';

/** Which backups of each volume are kept. A backup is kept if any of the rules keeps it. */
export interface RetentionPolicy {
  /** So many of the newest. */
  readonly keepLast?: number | undefined;
  /** Those taken within so many days before the newest. */
  readonly keepWithinDays?: number | undefined;
  /** The newest of each of the last so many days, weeks, months or years, in UTC, that have one. */
  readonly daily?: number | undefined;
  readonly weekly?: number | undefined;
  readonly monthly?: number | undefined;
  readonly yearly?: number | undefined;
  /** Ids of backups that are kept whatever the rules say. */
  readonly pinned?: readonly string[] | undefined;
}

/** A backup retention decides about. */
export interface DatedBackup {
  readonly backupId: string;
  readonly volumeId: string;
  /** When it was committed, by the store's clock: a writer's own may be wrong, or lie. */
  readonly committedAt: Date;
}

/** What becomes of a backup. */
export interface RetentionDecision {
  readonly backupId: string;
  readonly volumeId: string;
  /** When it was committed, by the store's clock. */
  readonly committedAt: Date;
  readonly keep: boolean;
  /** Every rule that keeps it; that none does, or why it could not be deleted. */
  readonly reasons: readonly string[];
}

const count = z.int().positive().optional();

/** A policy without a rule would delete all: it is refused. */
export const policySchema = z
  .strictObject({
    keepLast: count,
    keepWithinDays: z.number().positive().optional(),
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    pinned: z.array(z.string().min(1)).optional(),
  })
  .refine(
    ({ pinned: _, ...rules }) => Object.values(rules).some((rule) => rule !== undefined),
    'must have a rule besides `pinned`: without one all backups would be deleted',
  );

const dayMs = 24 * 60 * 60 * 1000;

/** What names the period a time is in. */
const periods = {
  daily: (time: Date) => time.toISOString().slice(0, 10),
  // The Monday before: the first of January 1970 was a Thursday.
  weekly: (time: Date) => String(Math.floor((time.getTime() / dayMs + 3) / 7)),
  monthly: (time: Date) => time.toISOString().slice(0, 7),
  yearly: (time: Date) => time.toISOString().slice(0, 4),
} as const;

/** A store may tell one time in milliseconds, and another in seconds. */
const roundingMs = 1000;

/**
 * Decides about the backups of one volume. One that is dated in the future was committed while the store's clock was wrong: it stays, and no
 * rule goes by it. As the newest it would have every later one deleted.
 *
 * @param now the time by the store's clock, once the backups were listed
 */
export function decideRetention(
  backups: readonly DatedBackup[],
  policy: RetentionPolicy,
  now: Date,
): RetentionDecision[] {
  const sorted = [...backups].sort((a, b) => b.committedAt.getTime() - a.committedAt.getTime());
  const reasons = new Map<string, string[]>(sorted.map(({ backupId }) => [backupId, []]));
  const keep = (backupId: string, reason: string): void => {
    reasons.get(backupId)?.push(reason);
  };
  const isFuture = ({ committedAt }: DatedBackup) => committedAt.getTime() - now.getTime() > roundingMs;
  for (const { backupId } of sorted.filter(isFuture)) keep(backupId, 'dated in the future');
  const newestFirst = sorted.filter((backup) => !isFuture(backup));
  newestFirst.slice(0, policy.keepLast ?? 0).forEach(({ backupId }) => {
    keep(backupId, `one of the last ${policy.keepLast ?? 0}`);
  });
  const newest = newestFirst[0]?.committedAt.getTime() ?? 0;
  for (const { backupId, committedAt } of newestFirst) {
    if (newest - committedAt.getTime() <= (policy.keepWithinDays ?? -1) * dayMs) {
      keep(backupId, `within ${policy.keepWithinDays ?? 0} days before the newest`);
    }
  }
  for (const { backupId } of sorted) if (policy.pinned?.includes(backupId) === true) keep(backupId, 'pinned');
  for (const name of ['daily', 'weekly', 'monthly', 'yearly'] as const) {
    const seen = new Set<string>();
    for (const { backupId, committedAt } of newestFirst) {
      const period = periods[name](committedAt);
      if (seen.has(period) || seen.size >= (policy[name] ?? 0)) continue;
      seen.add(period);
      keep(backupId, `the newest of its ${name === 'daily' ? 'day' : name.slice(0, -2)}`);
    }
  }
  return sorted.map(({ backupId, volumeId, committedAt }) => {
    const found = reasons.get(backupId) ?? [];
    const isKept = found.length > 0;
    return { backupId, volumeId, committedAt, keep: isKept, reasons: isKept ? found : ['no rule keeps it'] };
  });
}
