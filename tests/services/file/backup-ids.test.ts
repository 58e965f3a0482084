import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { TemporaryStore } from './temporary-store.js';

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
});
afterEach(async () => store[Symbol.asyncDispose]());

const refused: [string, string][] = [
  ['empty', ''],
  ['the directory', '.'],
  ['its parent', '..'],
  ['a hidden file', '.hidden'],
  ['a way up', '../victim'],
  ['a way up inside', 'a/../../victim'],
  ['a separator', 'a/b'],
  ['an absolute path', '/etc/passwd'],
  ["Windows' separator", '..\\victim'],
  ['a NUL', 'a\0b'],
  ['a line feed', 'a\nb'],
  ['a Windows device', 'con'],
  ['a Windows device with an extension', 'LPT1.vmdk'],
  ['a lone surrogate', 'a\ud800'],
  ['too long', 'a'.repeat(181)],
  ['too long when encoded', 'ä'.repeat(31)],
];

describe.each(refused)('an id that is %s', (_, id) => {
  const backup = { id, volumeId: 'v' };
  const refusal = { code: 'INVALID_INPUT', field: 'backup.id' };

  it('is refused by every method, and nothing is touched', async () => {
    const file = await store.file(Buffer.from('content'));
    await writeFile(join(dirname(store.directory), 'victim.json'), '{}');
    const around = await readdir(dirname(store.directory));
    await expect(store.service.backup(backup, file)).rejects.toMatchObject(refusal);
    await expect(store.service.restore(backup, 'v', file)).rejects.toMatchObject(refusal);
    await expect(store.service.delete(backup)).rejects.toMatchObject(refusal);
    await expect(store.service.readManifest(backup)).rejects.toMatchObject(refusal);
    await expect(store.service.openBackup(backup)).rejects.toMatchObject(refusal);
    await expect(store.service.openRestore(backup)).rejects.toMatchObject(refusal);
    expect(await readdir(dirname(store.directory))).toEqual(around);
  });
});

it.each([
  ['two cases of a letter', 'backup-a', 'backup-A'],
  ['two Unicode forms of a letter', '\u00e4', 'a\u0308'],
  ['a character and its encoding', 'a b', 'a%20b'],
  ['a dot and none', 'a.b', 'ab'],
  ['the name of another file of the store', 'a', 'a.json'],
])('keeps ids apart that differ by %s', async (_, first, second) => {
  const backups = [first, second].map((id) => ({ id, volumeId: 'v' }));
  const contents = [];
  for (const backup of backups) contents.push(await store.fill(backup));
  for (const [index, backup] of backups.entries()) expect(await store.restored(backup)).toEqual(contents[index]);
  // Also where the file system ignores case and Unicode form.
  const names = await store.names();
  expect(new Set(names.map((name) => name.toLowerCase().normalize('NFC'))).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^[a-z0-9_%.-]+$/);
});

it('takes the longest id', async () => {
  const backup = { id: 'a'.repeat(160), volumeId: 'v' };
  const bytes = await store.fill(backup);
  expect(await store.restored(backup)).toEqual(bytes);
});

it('still has a backup of a longer id than a new one may have', async () => {
  const old = { id: 'a'.repeat(170), volumeId: 'v' };
  const bytes = await store.fill({ ...old, id: 'short' });
  const [dataFile = '', record = ''] = await store.names();
  const named = dataFile.replace('short', old.id);
  await rename(store.path(dataFile), store.path(named));
  const text = await readFile(store.path(record), 'utf8');
  await writeFile(store.path(`${old.id}.json`), text.replace(dataFile, named).replace('"short"', `"${old.id}"`));
  await rm(store.path(record));

  const refusal = { code: 'INVALID_INPUT', field: 'backup.id', message: expect.stringContaining('at most 160') };
  await expect(store.service.backup(old, await store.file(bytes))).rejects.toMatchObject(refusal);
  await expect(store.service.openBackup(old)).rejects.toMatchObject(refusal);
  expect(await store.restored(old)).toEqual(bytes);
  expect(await buffer((await store.service.openRestore(old)).stream)).toEqual(bytes);
  const listed = [];
  for await (const { id, error } of store.service.list()) listed.push([id, error]);
  expect(listed).toEqual([[old.id, undefined]]);
  await store.service.delete(old);
  expect(await store.names()).toEqual([]);
});

it.each([
  [undefined, 'options'],
  [{}, 'options.directory'],
  [{ directory: '' }, 'options.directory'],
  [{ directory: 'a\0b' }, 'options.directory'],
  [{ directory: '/tmp', sync: false }, 'options.sync'],
])('refuses to be set up with %j', (options, field) => {
  let error: unknown;
  try {
    new FileBackupService(options as { directory: string });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'INVALID_INPUT', field });
});

it('names the argument it does not take', async () => {
  const { service } = store;
  const backup = { id: 'b', volumeId: 'v' };
  const file = await store.file();
  const wrong = (value: unknown) => value as never;
  await expect(service.backup(wrong(undefined), file)).rejects.toMatchObject({ field: 'backup' });
  await expect(service.backup(wrong({ id: 'b' }), file)).rejects.toMatchObject({ field: 'backup.volumeId' });
  await expect(service.backup(wrong({ id: 7, volumeId: 'v' }), file)).rejects.toMatchObject({ field: 'backup.id' });
  await expect(service.backup(backup, wrong({}))).rejects.toMatchObject({ field: 'file.path' });
  await expect(service.restore(backup, '', file)).rejects.toMatchObject({ field: 'volumeId' });
  const directory = join(dirname(store.directory), 'a-directory');
  await mkdir(directory);
  await expect(service.backup(backup, { path: directory })).rejects.toMatchObject({ field: 'file.path' });
});
