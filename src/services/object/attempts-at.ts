import type { ObjectStore } from '../../stores/object-store.js';
import { keysBelow } from './delete-all.js';
import { attemptPattern, dataPrefix } from './object-names.js';

/** All attempts at a backup of which something is there. */
export async function attemptsAt(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const prefix = dataPrefix(key);
  const attempts = new Set<string>();
  for await (const name of keysBelow(store, prefix, signal)) {
    const [attempt = ''] = name.slice(prefix.length).split('/');
    if (attemptPattern.test(attempt)) attempts.add(attempt);
  }
  return attempts;
}
