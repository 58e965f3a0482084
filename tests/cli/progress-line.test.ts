import type { WriteStream } from 'node:tty';
import { expect, test } from '@jest/globals';
import { ProgressLine } from '../../src/cli/progress-line.js';

/** What is written to a terminal, or to a file, of so many columns. */
function written(isTTY: boolean, draw: (line: ProgressLine) => void, columns = 80): string {
  let text = '';
  const out = { isTTY, columns, write: (part: string) => (text += part) };
  draw(new ProgressLine(out as unknown as WriteStream));
  return text;
}

const half = { phase: 'export', bytesDone: 512 * 1024 ** 2, bytesTotal: 1024 ** 3 };

test('a terminal has one line, which is drawn anew and then taken away', () => {
  const text = written(true, (line) => {
    line.show(half);
    line.show({ ...half, bytesDone: half.bytesTotal });
    line.clear();
  });
  const [, first, second, last] = text.split('\r\x1b[2K');
  expect(first).toBe('export    [###############               ] 50 %  512 MiB');
  expect(second).toContain('100 %');
  expect(last).toBe('');
  expect(text).not.toContain('\n');
});

test('it is no longer than the terminal is wide', () => {
  const text = written(
    true,
    (line) => {
      line.show(half);
    },
    20,
  );
  expect(text.split('\x1b[2K')[1]).toHaveLength(19);
});

test('elsewhere nothing is drawn', () => {
  const text = written(false, (line) => {
    line.show(half);
    line.clear();
  });
  expect(text).toBe('');
});
