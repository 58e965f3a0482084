import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { anySignal } from '../src/any-signal.js';
import { until } from './support/until.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a time limit among the signals ends the wait though nobody else holds it', async () => {
  const { signal } = new AbortController();
  let ended = 0;
  // In functions of their own, so that no variable here keeps a limit; one among others, at both depths.
  const wait = (limited: AbortSignal): void => limited.addEventListener('abort', () => (ended += 1));
  (() => {
    wait(anySignal(signal, AbortSignal.timeout(300)));
    wait(anySignal(signal, anySignal(signal, AbortSignal.timeout(300))));
  })();
  await until(() => {
    collectGarbage();
    return ended === 2;
  });
  expect(signal.aborted).toBe(false);
});
