import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TemporaryStore } from './temporary-store.js';

let store: TemporaryStore;

beforeEach(async () => {
  store = await TemporaryStore.create();
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const listed = async (options?: { volumeId?: string; signal?: AbortSignal }) => {
  const backups = [];
  for await (const backup of store.service.list(options)) backups.push(backup);
  return backups.sort((a, b) => (a.id < b.id ? -1 : 1));
};

it('is empty where nothing was ever stored', async () => {
  expect(await listed()).toEqual([]);
});

it('has each backup with its error where it cannot be read, and passes over what is not its own', async () => {
  await store.fill({ id: 'Größe 1', volumeId: 'volume-1' }, 123);
  await store.fill({ id: 'other', volumeId: 'volume-2' });
  await writeFile(store.path('damaged.json'), '{');
  await writeFile(store.path('later%2e1.json'), '{ "formatVersion": 2 }');
  await writeFile(store.path('README.md'), 'not ours');
  expect(await listed({ volumeId: 'volume-1' })).toMatchObject([
    { id: 'Größe 1', volumeId: 'volume-1', streamBytes: 123 },
    { id: 'damaged', error: { code: 'BACKUP_CORRUPT' } },
    { id: 'later.1', error: { code: 'UNSUPPORTED_BACKUP' } },
  ]);
  expect(await listed()).toHaveLength(4);
});

it('ends when it is aborted', async () => {
  await store.fill({ id: 'a', volumeId: 'v' });
  await expect(listed({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
});
