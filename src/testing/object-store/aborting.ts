import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { CheckOf } from '../check.js';
import type { StoreLab } from './store-lab.js';

const mebibyte = 1024 * 1024;

export const aborting: readonly CheckOf<StoreLab>[] = [
  {
    name: 'does nothing once the signal is aborted',
    check: async (lab) => {
      const { store } = lab;
      const bytes = await lab.fill('kept');
      const signal = AbortSignal.abort();
      const aborted = { code: 'ABORTED' };
      await assert.rejects(store.put(lab.key('never'), randomBytes(10), { signal }), aborted);
      await assert.rejects(store.put(lab.key('kept'), randomBytes(10), { signal }), aborted);
      await assert.rejects(store.get(lab.key('kept'), { signal }), aborted);
      await assert.rejects(store.stat(lab.key('kept'), { signal }), aborted);
      await assert.rejects(store.delete([lab.key('kept')], { signal }), aborted);
      await assert.rejects(async () => {
        for await (const info of store.list(lab.key(''), { signal })) assert.fail(`it lists ${info.key}`);
      }, aborted);
      await lab.expectBytes('kept', bytes);
      await lab.expectNone('never');
    },
  },
  {
    name: 'ends a stream with an error when it is aborted',
    check: async (lab) => {
      const size = 24 * mebibyte;
      await lab.fill('object', size);
      const controller = new AbortController();
      const stream = await lab.store.get(lab.key('object'), { signal: controller.signal });
      let received = 0;
      await assert.rejects(
        async () => {
          for await (const chunk of stream) {
            received += (chunk as Uint8Array).length;
            controller.abort();
          }
        },
        { code: 'ABORTED' },
      );
      assert.ok(received < size, 'all of the object came all the same');
    },
  },
  {
    name: 'puts the whole object or none when it is aborted meanwhile',
    check: async (lab) => {
      const bytes = randomBytes(16 * mebibyte);
      const controller = new AbortController();
      const putting = lab.store.put(lab.key('object'), bytes, { signal: controller.signal });
      setImmediate(() => {
        controller.abort();
      });
      const outcome = await putting.then(
        () => 'put',
        (error: unknown) => (error as { code?: unknown }).code,
      );
      if (outcome !== 'put') assert.equal(outcome, 'ABORTED');
      const there = await lab.store.stat(lab.key('object'));
      if (outcome === 'put' || there !== undefined) await lab.expectBytes('object', bytes);
    },
  },
];
