import type { Command } from 'commander';
import type { RetentionPolicy } from '../repository/index.js';
import { collected, positiveInteger, positiveNumber } from './parsers.js';

/** Which backups of a repository are kept. */
export interface RetentionOptions {
  readonly keepLast?: number;
  readonly keepWithinDays?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  readonly pin?: readonly string[];
  readonly volume?: string;
  readonly dryRun?: boolean;
}

/** Gives a command the rules of retention. */
export function withRetention(command: Command): Command {
  return command
    .option('--keep-last <n>', 'keep the last n', positiveInteger)
    .option('--keep-within-days <n>', 'keep those of the n days before the newest', positiveNumber)
    .option('--daily <n>', 'keep the newest of each of the last n days that have one', positiveInteger)
    .option('--weekly <n>', '... weeks', positiveInteger)
    .option('--monthly <n>', '... months', positiveInteger)
    .option('--yearly <n>', '... years', positiveInteger)
    .option('--pin <id>', 'keep this backup whatever the rules say; repeatable', collected)
    .option('--volume <id>', 'only the backups of this volume')
    .option('--dry-run', 'tell what would be done, and do nothing');
}

/** The rules that the options tell of. */
export function retentionOf(options: RetentionOptions): RetentionPolicy {
  const { keepLast, keepWithinDays, daily, weekly, monthly, yearly, pin: pinned } = options;
  return { keepLast, keepWithinDays, daily, weekly, monthly, yearly, pinned };
}
