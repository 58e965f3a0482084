import { AbortError, StoreError, throwIfAborted, VmdkDriverError } from '../errors/index.js';

/** After so many failures that may pass, a store is taken to fail for everything: each has taken all its tries. */
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
  const failures: VmdkDriverError[] = [];
  for (const remove of removals) {
    throwIfAborted(signal);
    try {
      swept += await remove();
    } catch (error) {
      if (!(error instanceof VmdkDriverError) || error instanceof AbortError) throw error;
      if (error instanceof StoreError && error.reason === 'retained') continue;
      failures.push(error);
      if (failures.filter(({ retryable }) => retryable).length === maxPassing) break;
    }
  }
  const [first] = failures;
  if (first !== undefined) throw first;
  return swept;
}
