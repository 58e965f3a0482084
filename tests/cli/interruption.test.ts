import { expect, test } from '@jest/globals';
import { Interruption } from '../../src/cli/interruption.js';

test('a Ctrl-C that arrives twice, from the terminal and from npx, is one', () => {
  let told = 0;
  using interruption = new Interruption(() => told++);
  process.emit('SIGINT');
  process.emit('SIGINT');
  expect({ told, aborted: interruption.signal.aborted }).toEqual({ told: 1, aborted: true });
});

test('nobody listens any more when a command has ended', () => {
  const before = process.listenerCount('SIGINT');
  {
    using _interruption = new Interruption(() => undefined);
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
  }
  expect(process.listenerCount('SIGINT')).toBe(before);
});
