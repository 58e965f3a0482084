import type { VmdkDriverError } from '../../../src/errors/index.js';

/** What a promise rejects with. */
export async function failureOf(work: Promise<unknown>): Promise<VmdkDriverError> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error as VmdkDriverError,
  );
  if (outcome === undefined) throw new Error('it did not fail');
  return outcome;
}
