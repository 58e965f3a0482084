import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StallWatchdog } from '../../src/nfc/stall-watchdog.js';

describe('the stall watchdog', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('lets a transfer that moves live for days', () => {
    using watchdog = new StallWatchdog(120_000);
    for (let minute = 0; minute < 3 * 24 * 60; minute++) {
      jest.advanceTimersByTime(60_000);
      watchdog.touch();
    }
    expect(watchdog.signal.aborted).toBe(false);
  });

  test('ends one that does not, after exactly its time', () => {
    using watchdog = new StallWatchdog(120_000);
    jest.advanceTimersByTime(100_000);
    watchdog.touch();
    jest.advanceTimersByTime(119_999);
    expect(watchdog.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(watchdog.signal.reason).toMatchObject({ code: 'TRANSFER_STALLED', retryable: true });
  });

  test('does not count the time in which somebody else is waited for', () => {
    let isExcused = true;
    using watchdog = new StallWatchdog(120_000, () => isExcused);
    jest.advanceTimersByTime(10 * 60_000);
    expect(watchdog.signal.aborted).toBe(false);
    isExcused = false;
    jest.advanceTimersByTime(120_000);
    expect(watchdog.signal.aborted).toBe(true);
  });

  test('rests once the transfer is over', () => {
    const watchdog = new StallWatchdog(1_000);
    watchdog[Symbol.dispose]();
    jest.advanceTimersByTime(10_000);
    expect(watchdog.signal.aborted).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });
});
