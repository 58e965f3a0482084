import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { HashingFileWriter } from '../../../src/services/hashing-file-writer.js';
import type { HashedStream } from '../../../src/stream/hashed-bytes.js';
import { hashedChunks, mebibyte } from '../../stream/support/chunks.js';

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

  async read(bytes: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return { bytesRead: this.content.copy(bytes, offset, position, position + length) };
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
  while (file.running === 0) await setImmediate();
  await writer.settle();
  expect(file.running).toBe(0);
});

describe('chunks that the driver hashed', () => {
  /** A SHA-256 no bytes have: where it comes out, the bytes were not hashed. */
  const told = '0'.repeat(64);
  const given = [mebibyte, mebibyte, 500].map((length) => randomBytes(length));
  const bytes = Buffer.concat(given);

  /** The chunks, and the stream they are known to be of. */
  const hashed = (stream: HashedStream = { streamBytes: bytes.length, sha256: told }) => hashedChunks(given, stream);

  async function write(chunks: readonly Uint8Array[]) {
    const file = new SlowFile();
    const writer = new HashingFileWriter(file.handle);
    for (const chunk of chunks) await writer.write(chunk);
    const result = await writer.finish();
    const content = Buffer.concat(chunks);
    expect(file.content.subarray(0, content.length).equals(content)).toBe(true);
    return result;
  }

  it('are not hashed again', async () => {
    expect(await write(hashed())).toEqual({ streamBytes: bytes.length, sha256: told });
  });

  it('are not hashed again where somebody handed them on in parts', async () => {
    const parts = hashed().flatMap((chunk) => [chunk.subarray(0, 100), chunk.subarray(100)]);
    expect(await write(parts)).toEqual({ streamBytes: bytes.length, sha256: told });
  });

  it.each<[string, (chunks: Buffer[]) => Uint8Array[]]>([
    ['come in another order', ([one, two, three]) => [two!, one!, three!]],
    ['begin later', ([, two, three]) => [two!, three!]],
    ['end early', ([one, two]) => [one!, two!]],
    ['come twice', ([one, two, three]) => [one!, two!, two!, three!]],
    ['were copied on their way', ([one, two, three]) => [Buffer.from(one!), two!, three!]],
    ['were copied in part', ([one, two, three]) => [one!, Buffer.from(two!), three!]],
    ['have something before them', ([one, two, three]) => [Buffer.from('x'), one!, two!, three!]],
    ['have something after them', ([one, two, three]) => [one!, two!, three!, Buffer.from('x')]],
    ['have a part left out', ([one, two, three]) => [one!.subarray(0, 100), one!.subarray(200), two!, three!]],
    ['are of two streams', ([one]) => [one!, ...hashed().slice(1)]],
  ])('are hashed here where they %s', async (_what, change) => {
    const chunks = change(hashed());
    expect(await write(chunks)).toEqual(written(Buffer.concat(chunks)));
  });

  it('are hashed here where their stream has not ended', async () => {
    expect(await write(hashed({}))).toEqual(written(bytes));
  });
});
