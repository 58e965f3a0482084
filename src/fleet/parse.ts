import type * as z from 'zod';
import { InvalidInputError } from '../index.js';

/**
 * Parses what a caller handed over: as the library does it, of which a fleet uses the public entry points only.
 *
 * @param name what the value is called in the caller's code; the error's field begins with it
 * @throws InvalidInputError that names the first field at fault
 */
export function parse<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])];
  const message = issue?.code === 'unrecognized_keys' ? 'is not known' : (issue?.message ?? 'is not valid');
  throw new InvalidInputError([name, ...path.map(String)].join('.'), message);
}
