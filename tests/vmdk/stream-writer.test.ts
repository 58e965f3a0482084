import { describe, expect, test } from '@jest/globals';
import { StreamWriter } from '../../src/vmdk/stream-writer.js';
import { refusal } from './support/outcome.js';

describe('a stream near the 2 TiB its tables can name', () => {
  const descriptor = 'x';

  test('goes on as long as an entry can name the grain', () => {
    const writer = new StreamWriter(2 ** 33, descriptor, 2 ** 32 - 1000);
    expect(writer.grain(0, 129)).toBeUndefined();
    const table = writer.grain(512, 129);
    expect(table?.readUInt32LE(512)).toBe(2 ** 32 - 1000);
  });

  test('is refused before an entry would wrap around', async () => {
    const writer = new StreamWriter(2 ** 33, descriptor, 2 ** 32 - 100);
    expect(await refusal(() => writer.grain(0, 129))).toBe(`too-large@${(2 ** 32 - 100) * 512}`);
  });

  test('is refused when only its tables do not fit', async () => {
    const writer = new StreamWriter(2 ** 33, descriptor, 2 ** 32 - 130);
    writer.grain(0, 129);
    expect(await refusal(() => writer.end())).toMatch(/^too-large@/);
  });
});
