import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { HashingFileWriter } from '../../../src/services/hashing-file-writer.js';

const mebibyte = 1024 * 1024;

/** A file on a slow disk that takes at most so many bytes at once, looks at them late, and may fail at last. */
class SlowFile {
  readonly content = Buffer.alloc(5 * mebibyte);
  running = 0;
  mostRunning = 0;
  failure: Error | undefined;
  readonly #atOnce: number;

  constructor(atOnce = Infinity) {
    this.#atOnce = atOnce;
  }

  get handle(): FileHandle {
    return this as unknown as FileHandle;
  }

  async write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    this.running--;
    if (this.failure !== undefined) throw this.failure;
    const bytesWritten = Math.min(length, this.#atOnce);
    this.content.set(bytes.subarray(offset, offset + bytesWritten), position);
    return { bytesWritten };
  }
}

const written = (bytes: Uint8Array) => ({
  streamBytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

it.each([1000, 400_000, mebibyte, 3 * mebibyte])(
  'writes chunks of %d bytes in order on a slow disk',
  async (length) => {
    const file = new SlowFile();
    const writer = new HashingFileWriter(file.handle);
    const bytes = randomBytes(4 * mebibyte + 17);
    for (let offset = 0; offset < bytes.length; offset += length)
      await writer.write(bytes.subarray(offset, offset + length));
    expect(await writer.finish()).toEqual(written(bytes));
    expect(file.content.subarray(0, bytes.length).equals(bytes)).toBe(true);
    expect(file.mostRunning).toBe(1);
  },
);

it('goes on where the disk took a part only', async () => {
  const file = new SlowFile(300_000);
  const writer = new HashingFileWriter(file.handle);
  const bytes = randomBytes(mebibyte + 17);
  await writer.write(bytes);
  expect(await writer.finish()).toEqual(written(bytes));
  expect(file.content.subarray(0, bytes.length).equals(bytes)).toBe(true);
});

it('tells at the end of a failure that came after the last chunk was taken', async () => {
  const file = new SlowFile();
  const writer = new HashingFileWriter(file.handle);
  await writer.write(randomBytes(1000));
  file.failure = new Error('the disk is gone');
  await expect(writer.finish()).rejects.toBe(file.failure);
});

it('settles when nothing is being written any more, however that ended', async () => {
  const file = new SlowFile();
  const writer = new HashingFileWriter(file.handle);
  for (let n = 0; n < 2; n++) await writer.write(randomBytes(mebibyte / 2));
  file.failure = new Error('the disk is gone');
  expect(file.running).toBe(1);
  await writer.settle();
  expect(file.running).toBe(0);
});
