import { jest } from '@jest/globals';

/**
 * Timers and `Date` whose time can be let pass at will: an hour is over at once, so that tests of what happens after a while need no
 * short time-outs, which a busy machine would miss. Besides, time passes as ever. Network, files and `node:timers/promises` know
 * nothing of it: what follows from a timer is to be waited for.
 */
export class PassingTime implements Disposable {
  constructor() {
    jest.useFakeTimers({
      advanceTimers: true,
      doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate', 'performance', 'hrtime'],
    });
  }

  pass(ms: number): void {
    jest.advanceTimersByTime(ms);
  }

  [Symbol.dispose](): void {
    jest.useRealTimers();
  }
}
