import { expect, jest, test } from '@jest/globals';
import { guardLogger, isLogger, type Logger, silentLogger } from '../src/logger.js';

const said = () => undefined;

test('adds its fields to each line; a line may have its own', () => {
  const info = jest.fn();
  const logger = guardLogger({ ...silentLogger, info }, { operation: 'backup', volumeId: 'v' });
  logger.info({ bytes: 1 }, 'ended');
  logger.info({ volumeId: 'w' }, 'another');
  expect(info.mock.calls).toEqual([
    [{ operation: 'backup', volumeId: 'v', bytes: 1 }, 'ended'],
    [{ operation: 'backup', volumeId: 'w' }, 'another'],
  ]);
});

test('calls its methods on the logger itself', () => {
  class Counting {
    lines = 0;
    warn(): void {
      this.lines++;
    }
  }
  const counting = new Counting();
  guardLogger(counting).warn({}, 'm');
  expect(counting.lines).toBe(1);
});

test.each<[string, object]>([
  ['has no methods', {}],
  ['throws', { debug: fail, info: fail, warn: fail, error: fail }],
  ['rejects', { debug: reject, info: reject, warn: reject, error: reject }],
  ['gives what throws when it is waited for', { warn: () => ({ get then() { throw new Error('no'); } }) }], // prettier-ignore
])('one that %s costs nothing', async (_what, methods) => {
  const logger = guardLogger(methods);
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, 'm');
  // A rejection nobody handles would come up by now: tests/fuzz/services.test.ts sees the process end for one.
  await new Promise(setImmediate);
});

function fail(): never {
  throw new Error('the log is full');
}

function reject(): Promise<never> {
  return Promise.reject(new Error('the log is far away'));
}

test.each<[boolean, unknown]>([
  [true, console],
  [true, {}],
  [true, { info: said }],
  [true, Object.assign(() => {}, { info: said })],
  [false, { info: 'said' }],
  [false, { ...silentLogger, error: null }],
  [false, null],
  [false, 'logger'],
])('%s: %p is a logger', (is, value) => {
  expect(isLogger(value)).toBe(is);
  if (is) guardLogger(value as Partial<Logger>);
});
