import type * as z from 'zod';
import { InvalidInputError } from './errors/index.js';
import { reasonOf } from './errors/reason-of.js';

/**
 * Parses what a caller handed over.
 *
 * @param name what the value is called in the caller's code; the error's field begins with it
 * @throws InvalidInputError that names the first field at fault, also one that is not known
 */
export function parseInput<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const result = safeParse(name, schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])];
  const message = issue?.code === 'unrecognized_keys' ? 'is not known' : (issue?.message ?? 'is not valid');
  throw new InvalidInputError([name, ...path.map(String)].join('.'), message);
}

function safeParse<T>(name: string, schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    // A getter of the caller's that throws.
    throw new InvalidInputError(name, `cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}
