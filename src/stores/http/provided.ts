import type * as z from 'zod';
import { boundedCall } from '../../bounded-call.js';
import { mayPass } from '../../errors/foreign-error.js';
import { StoreError } from '../../errors/index.js';

/** A function of the application's that gives credentials. */
export interface Provider<T> {
  /** What it gives, for errors: `the keys of S3`. */
  readonly what: string;
  readonly provide: () => unknown;
  readonly schema: z.ZodType<T>;
  /** How long it may take, in milliseconds. */
  readonly limitMs: number;
}

/**
 * What the function gives now.
 *
 * @throws StoreError where it fails, gives something else, or does not answer
 */
export async function provided<T>({ what, provide, schema, limitMs }: Provider<T>): Promise<T> {
  const silent = new StoreError('stalled', `the function that gives ${what} did not answer within ${limitMs} ms`);
  try {
    const result = schema.safeParse(await boundedCall({ call: provide, limitMs, onTimeUp: () => silent }));
    if (result.success) return result.data;
  } catch (cause) {
    if (cause === silent) throw silent;
    throw new StoreError('credentials', `the function that gives ${what} failed`, { cause, retryable: mayPass(cause) });
  }
  throw new StoreError('credentials', `the function that gives ${what} gave something else`);
}
