import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import { until } from '../../support/until.js';
import { TemporaryStore } from './temporary-store.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('a writer that nobody holds any more is cleaned up, even if its signal lives on', async () => {
  const store = await TemporaryStore.create();
  const { signal } = new AbortController();
  // In a function of its own, so that no variable here keeps the writer.
  await (async () => {
    const writer = await store.service.openBackup({ id: 'backup-1', volumeId: 'v' }, { signal });
    await writer.write(Buffer.alloc(1000));
  })();
  expect(await store.names()).toHaveLength(1);
  await until(async () => {
    collectGarbage();
    return (await store.names()).length === 0;
  });
  expect(signal.aborted).toBe(false);
  await store[Symbol.asyncDispose]();
});
