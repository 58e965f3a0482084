import { AbortError, StoreError, throwIfAborted, VmdkDriverError } from '../errors/index.js';

/** After so many failures in a row that may pass, a store is taken to fail for everything: each has taken all its tries. */
const maxPassing = 3;

/** Removes a thing, if it is to go, and tells how much that was. */
export type Removal = () => Promise<number>;

/**
 * Sweeps each thing for itself, so that one that cannot be removed keeps no other. What is locked stays for a later sweep.
 *
 * @returns how many were removed
 * @throws the first failure, once the others were tried
 */
export async function sweepEach(removals: Iterable<Removal>, signal: AbortSignal | undefined): Promise<number> {
  let swept = 0;
  let first: VmdkDriverError | undefined;
  let passing = 0;
  for (const remove of removals) {
    throwIfAborted(signal);
    try {
      swept += await remove();
      passing = 0;
    } catch (error) {
      if (!(error instanceof VmdkDriverError) || error instanceof AbortError) throw error;
      // Any other answer is one of a store that works.
      passing = error.retryable ? passing + 1 : 0;
      if (error instanceof StoreError && error.reason === 'retained') continue;
      first ??= error;
      if (passing === maxPassing) break;
    }
  }
  if (first !== undefined) throw first;
  return swept;
}
