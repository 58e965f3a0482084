import type * as z from 'zod';
import { InvalidInputError } from './errors/index.js';

/**
 * Parses what a caller handed over.
 *
 * @param name what the value is called in the caller's code; the error's field begins with it
 * @throws InvalidInputError that names the first field at fault
 */
export function parseInput<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = [name, ...(issue?.path ?? []).map(String)].join('.');
  throw new InvalidInputError(field, issue?.message ?? 'invalid');
}
