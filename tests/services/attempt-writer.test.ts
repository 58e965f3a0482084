import { expect, it } from '@jest/globals';
import { type Attempt, AttemptWriter } from '../../src/services/attempt-writer.js';
import { hostileError } from '../support/hostile-error.js';

const attemptThat = (methods: Partial<Attempt>) => {
  const calls: string[] = [];
  const attempt: Attempt = {
    write: async () => {},
    commit: async () => {},
    ...methods,
    discard: async () => {
      calls.push('discard');
      await methods.discard?.();
    },
  };
  return { attempt, calls };
};

it.each([
  ['throws when it is looked at', hostileError(), false],
  ['has no text', Object.create(null), false],
  ['is none', undefined, false],
  ['passes', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), true],
])('a failure that %s ends the writer, and nothing of it stays', async (_, failure: unknown, retryable) => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the case
  const { attempt, calls } = attemptThat({ write: () => Promise.reject(failure) });
  const writer = new AttemptWriter(attempt, {});
  const expected = { code: 'BACKUP_SERVICE_FAILED', retryable };
  await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject(expected);
  await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject(expected);
  await writer.abort();
  expect(calls).toEqual(['discard']);
});

it('an attempt that cannot be discarded, against its word, hides nothing and rejects nowhere', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  const discard = () => Promise.reject(new Error('no'));
  const controller = new AbortController();
  const idle = new AttemptWriter(attemptThat({ discard }).attempt, { signal: controller.signal });
  controller.abort();
  await new Promise(setImmediate);
  await expect(idle.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'ABORTED' });
  const write = () => Promise.reject(new Error('full'));
  const failing = new AttemptWriter(attemptThat({ write, discard }).attempt, {});
  await expect(failing.write(Buffer.alloc(1))).rejects.toThrow('full');
  await new AttemptWriter(attemptThat({ discard }).attempt, {}).abort();
  await new Promise(setImmediate);
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

it('an attempt that began while the backup was aborted is discarded without another call', async () => {
  const { attempt, calls } = attemptThat({});
  const writer = new AttemptWriter(attempt, { signal: AbortSignal.abort() });
  await new Promise(setImmediate);
  expect(calls).toEqual(['discard']);
  await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'ABORTED' });
  await writer.abort();
  expect(calls).toEqual(['discard']);
});
