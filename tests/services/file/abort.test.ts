import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AbortError } from '../../../src/errors/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { until } from '../../support/until.js';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const length = 4 * mebibyte + 5;
const backup = { id: 'backup-1', volumeId: 'volume-1' };
const positions = [1, mebibyte, 3 * mebibyte, length];

let store: TemporaryStore;
let kept: Buffer;
let names: string[];
beforeEach(async () => {
  store = await TemporaryStore.create();
  kept = await store.fill(backup, length);
  names = await store.names();
});
afterEach(async () => {
  // In every case: nothing left of what was aborted, and the backup as it was.
  expect(await store.names()).toEqual(names);
  expect((await store.restored(backup)).equals(kept)).toBe(true);
  await store[Symbol.asyncDispose]();
});

/** Options that abort at this byte. */
function abortAt(position: number) {
  const controller = new AbortController();
  const reason = new Error('the host has changed its mind');
  const onProgress = ({ bytesDone }: { bytesDone: number }) => {
    if (bytesDone >= position) controller.abort(reason);
  };
  return { signal: controller.signal, onProgress, reason };
}

describe.each(positions)('aborted at byte %d', (position) => {
  it('a backup is not stored', async () => {
    const options = abortAt(position);
    const error: unknown = await store.service
      .backup(backup, await store.file(randomBytes(length)), options)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ cause: options.reason });
  });

  it('a restore leaves the file empty', async () => {
    const file = await store.file();
    await expect(store.service.restore(backup, 'v', file, abortAt(position))).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect((await readFile(file.path)).length).toBe(0);
  });

  it('a writer leaves nothing', async () => {
    const writer = await store.service.openBackup(backup, abortAt(position));
    const bytes = randomBytes(length);
    const write = async () => {
      for (let offset = 0; offset < length; offset += 100_000) {
        await writer.write(bytes.subarray(offset, offset + 100_000));
      }
      await writer.commit(manifestOf(backup, bytes));
    };
    await expect(write()).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('a stream ends with the error', async () => {
    const { stream } = await store.service.openRestore(backup, abortAt(position));
    let ended = false;
    stream.on('end', () => (ended = true));
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(ended).toBe(false);
  });
});

it('an idle writer cleans up when its signal is aborted, without being asked anything', async () => {
  const controller = new AbortController();
  const writer = await store.service.openBackup(backup, { signal: controller.signal });
  await writer.write(randomBytes(2 * mebibyte));
  expect(await store.names()).toHaveLength(3);
  controller.abort();
  await until(async () => (await store.names()).length === 2);
});

it('an unread stream ends when its signal is aborted', async () => {
  const controller = new AbortController();
  const { stream } = await store.service.openRestore(backup, { signal: controller.signal });
  const failed = new Promise((resolve) => stream.once('error', resolve));
  controller.abort();
  expect(await failed).toMatchObject({ code: 'ABORTED' });
});

it('a signal that was aborted before stops everything', async () => {
  const signal = AbortSignal.abort();
  const file = await store.file(Buffer.from('content'));
  const { service } = store;
  const refusal = { code: 'ABORTED' };
  await expect(service.backup(backup, file, { signal })).rejects.toMatchObject(refusal);
  await expect(service.restore(backup, 'v', file, { signal })).rejects.toMatchObject(refusal);
  await expect(service.openBackup(backup, { signal })).rejects.toMatchObject(refusal);
  await expect(service.openRestore(backup, { signal })).rejects.toMatchObject(refusal);
  await expect(service.readManifest(backup, { signal })).rejects.toMatchObject(refusal);
  expect(await readFile(file.path, 'utf8')).toBe('content');
});

it('an abort after the end changes nothing', async () => {
  const controller = new AbortController();
  const writer = await store.service.openBackup(backup, { signal: controller.signal });
  kept = randomBytes(1000);
  await writer.write(kept);
  await writer.commit(manifestOf(backup, kept));
  names = await store.names();
  controller.abort();
  await writer.abort();
});
