import { expect } from '@jest/globals';
import type { ObjectBackupService } from '../../../src/services/index.js';
import type { ObjectStore } from '../../../src/stores/index.js';
import { MemoryObjectStore } from '../../testing/memory-object-store.js';

export async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** Sweeps two days later, by the store's clock, and expects that only what backups consist of is there. */
export async function expectNothingLeft(store: ObjectStore, service: ObjectBackupService): Promise<void> {
  if (store instanceof MemoryObjectStore) store.now = () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
  await service.sweep();
  expect(await strayKeys(store)).toEqual([]);
}

/** The objects that belong to no backup. */
export async function strayKeys(store: ObjectStore): Promise<string[]> {
  const keys = await keysOf(store);
  const attempts = new Map<string, string>();
  for (const key of keys.filter((each) => each.startsWith('backups/'))) {
    const chunks = (await (await store.get(key)).toArray()) as Buffer[];
    const { attempt } = JSON.parse(Buffer.concat(chunks).toString()) as { attempt: string };
    attempts.set(key.slice('backups/'.length, -'.json'.length), attempt);
  }
  return keys.filter((key) => {
    const [kind, backup = '', attempt] = key.split('/');
    return kind !== 'backups' && !(kind === 'data' && attempts.get(backup) === attempt);
  });
}
