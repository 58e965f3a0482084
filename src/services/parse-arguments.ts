import * as z from 'zod';
import { InvalidInputError } from '../errors/index.js';

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

/**
 * Parses what a caller gave.
 *
 * @param name - what the caller knows it as; errors name it, followed by the field's path in it
 * @throws InvalidInputError
 */
export function parseArgument<T>(schema: z.ZodType<T>, name: string, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidInputError([name, ...(issue?.path ?? [])].join('.'), issue?.message ?? 'is not valid');
}
