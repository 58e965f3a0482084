import * as z from 'zod';
import { callbackSchema, signalSchema } from '../live-input.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { parseInput } from '../parse-input.js';
import type { ServiceProgress, ServiceRestoreOptions } from './backup-service.js';
import type { ListOptions } from './listed-backup.js';

/** What may be a file's path. */
export const pathSchema = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'must not hold a NUL');

/** How a {@link FileBackupService} is set up. */
export const optionsSchema = z.strictObject({ directory: pathSchema });
export const backupSchema = z.looseObject({ id: z.string(), volumeId: z.string().min(1) });
export const fileSchema = z.looseObject({ path: pathSchema });
export const volumeIdSchema = z.string().min(1);

const serviceOptionsSchema = z.looseObject({
  signal: signalSchema.optional(),
  onProgress: callbackSchema<(progress: ServiceProgress) => void>().optional(),
  // It is parsed when it is needed.
  manifest: z.custom<BackupManifest>().optional(),
});
const listOptionsSchema = z.looseObject({ signal: signalSchema.optional(), volumeId: z.string().optional() });

/**
 * The options of any method but `list`.
 *
 * @throws InvalidInputError for the option at fault
 */
export function parseOptions(options: ServiceRestoreOptions): ServiceRestoreOptions {
  return parseInput('options', serviceOptionsSchema, options);
}

/** @throws InvalidInputError for the option at fault */
export function parseListOptions(options: ListOptions): ListOptions {
  return parseInput('options', listOptionsSchema, options);
}
