import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ChunkReadable, claimChunks, releaseChunk } from '../../src/stream/chunk-readable.js';
import { CountedChunks } from '../../src/stream/counted-chunks.js';
import { DigestedChunks } from '../../src/stream/digested-chunks.js';
import { FileChunks } from '../../src/stream/file-chunks.js';
import { LookedAtChunks } from '../../src/stream/looked-at-chunks.js';
import { pour } from '../../src/stream/pour.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';
import { chunkOf, GivenChunks, mebibyte, readAll, sha256 } from './support/chunks.js';

const turn = () => new Promise(setImmediate);
const { signal } = new AbortController();

describe('the chunks of a file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'file-chunks-'));
  });
  afterEach(async () => rm(directory, { recursive: true }));

  const opened = async (bytes: Buffer) => {
    const path = join(directory, 'file');
    await writeFile(path, bytes);
    return open(path);
  };

  test.each([0, 1, mebibyte - 1, mebibyte, 3 * mebibyte + 5])('are all %d bytes of it', async (length) => {
    const bytes = randomBytes(length);
    const chunks = new FileChunks(await opened(bytes));
    expect((await readAll(chunks)).bytes.equals(bytes)).toBe(true);
    await chunks.close();
  });

  test('end where they are told to', async () => {
    const bytes = randomBytes(2 * mebibyte + 5);
    for (const to of [0, 100, mebibyte, mebibyte + 1, 5 * mebibyte]) {
      const chunks = new FileChunks(await opened(bytes), to);
      expect((await readAll(chunks)).bytes.equals(bytes.subarray(0, to))).toBe(true);
      await chunks.close();
    }
  });

  test('close the file, also while it is being read', async () => {
    const handle = await opened(randomBytes(3 * mebibyte));
    const chunks = new FileChunks(handle);
    await chunks.next();
    await chunks.close();
    expect(handle.fd).toBe(-1);
    await expect(chunks.next()).rejects.toThrow();
  });
});

describe('digested chunks', () => {
  test('are the chunks, and their digests', async () => {
    const given = [5, mebibyte, 1, 700_000].map((length) => randomBytes(length));
    const chunks = new DigestedChunks(new GivenChunks(given), ['sha256']);
    expect(() => chunks.digests).toThrow('not ended');
    expect((await readAll(chunks)).bytes.equals(Buffer.concat(given))).toBe(true);
    expect(chunks.digests).toEqual({ sha256: sha256(Buffer.concat(given)) });
    expect(chunks.streamBytes).toBe(Buffer.concat(given).length);
    expect(await chunks.next()).toBeUndefined();
  });

  test('are one ahead of who takes them, and no more', async () => {
    const source = new GivenChunks(Array.from({ length: 10 }, () => randomBytes(10)));
    const chunks = new DigestedChunks(source);
    await chunks.next();
    for (let n = 0; n < 50; n++) await turn();
    expect(source.asked).toBe(2);
    await chunks.close();
    expect(source.closed).toBe(1);
  });

  test('fail as their source does, and nobody need ask', async () => {
    const source = new GivenChunks([randomBytes(10)]);
    const chunks = new DigestedChunks({
      next: () => (source.asked < 1 ? source.next() : Promise.reject(new Error('broken'))),
      release: () => undefined,
      close: () => source.close(),
    });
    await chunks.next();
    for (let n = 0; n < 50; n++) await turn();
    await chunks.close();
  });
});

class UnclosedChunks extends GivenChunks {
  override async close(): Promise<void> {
    await super.close();
    await new Promise(() => undefined);
  }
}

describe('a readable of chunks', () => {
  const given = [mebibyte, 10, 20].map((length) => randomBytes(length));

  test('gives them all', async () => {
    const source = new GivenChunks(given);
    expect((await buffer(new ChunkReadable(source))).equals(Buffer.concat(given))).toBe(true);
    expect(source.closed).toBe(1);
  });

  test.each([[given], [given.slice(0, 1)], [[]]])(
    'ends with what is found at the end, before its last chunk',
    async (chunks) => {
      const wrong = new Error('it is another stream');
      const readable = new ChunkReadable(new GivenChunks(chunks), {
        atEnd() {
          throw wrong;
        },
      });
      let received = 0;
      let ended = false;
      readable.on('end', () => (ended = true)).on('data', (chunk: Buffer) => (received += chunk.length));
      await new Promise((resolve) =>
        readable.once('error', (error) => {
          resolve(expect(error).toBe(wrong));
        }),
      );
      expect(ended).toBe(false);
      expect(received).toBe(Buffer.concat(chunks.slice(0, -1)).length);
    },
  );

  test('ends when its signal is aborted, read or not', async () => {
    for (const before of [true, false]) {
      const abort = new AbortController();
      if (before) abort.abort();
      const source = new GivenChunks(given);
      const readable = new ChunkReadable(source, { signal: abort.signal });
      const failed = new Promise((resolve) => readable.once('error', resolve));
      abort.abort(new Error('enough'));
      expect(await failed).toMatchObject({ code: 'ABORTED' });
      expect(source.closed).toBe(1);
    }
  });
});

test('a readable of chunks ends when it is aborted, also where its source does not close', async () => {
  using time = new PassingTime();
  const abort = new AbortController();
  const readable = new ChunkReadable(new UnclosedChunks([randomBytes(1)]), { signal: abort.signal });
  const failed = new Promise((resolve) => readable.once('error', resolve));
  abort.abort();
  time.pass(10_000);
  expect(await failed).toMatchObject({ code: 'ABORTED' });
});

describe('a readable of chunks that nobody has anything to do with yet', () => {
  const given = [mebibyte, 10, 20].map((length) => randomBytes(length));

  test('gives its chunks as they are, without a copy', async () => {
    const source = new GivenChunks(given);
    const readable = new ChunkReadable(source);
    const chunks = claimChunks(readable);
    expect((await readAll(chunks!)).bytes.equals(Buffer.concat(given))).toBe(true);
    expect(source.released).toHaveLength(3);
    await chunks?.close();
    expect(readable.destroyed).toBe(true);
    expect(source.closed).toBeGreaterThan(0);
  });

  test('gives them once, and none by itself any more', async () => {
    const readable = new ChunkReadable(new GivenChunks(given));
    const chunks = claimChunks(readable);
    expect(claimChunks(readable)).toBeUndefined();
    let received = 0;
    readable.on('data', () => received++);
    for (let n = 0; n < 20; n++) await turn();
    expect(received).toBe(0);
    await chunks?.close();
  });

  test.each<[string, (readable: ChunkReadable) => unknown]>([
    ['is being read', (readable) => readable.resume()],
    ['was read in part', (readable) => readable.read() as unknown],
    ['is listened to', (readable) => readable.on('data', () => undefined)],
    ['has somebody wait for its end', (readable) => readable.on('end', () => undefined)],
    ['is piped elsewhere', (readable) => readable.pipe(new PassThrough())],
    ['was paused', (readable) => readable.pause()],
    ['was destroyed', (readable) => readable.destroy()],
    ['is read by a loop', (readable) => readable.forEach(() => undefined).catch(() => undefined)],
  ])('keeps them where it %s', async (_what, use) => {
    const readable = new ChunkReadable(new GivenChunks(given));
    void use(readable);
    expect(claimChunks(readable)).toBeUndefined();
    readable.destroy();
  });

  test('ends them when it is destroyed, with the error', async () => {
    for (const error of [new Error('broken'), undefined]) {
      const readable = new ChunkReadable(new GivenChunks(given));
      readable.on('error', () => undefined);
      const chunks = claimChunks(readable);
      await chunks?.next();
      readable.destroy(error);
      await expect(chunks?.next()).rejects.toThrow(error?.message ?? 'closed before its end');
    }
  });

  test('ends them with what is found at the end', async () => {
    const readable = new ChunkReadable(new GivenChunks(given), {
      atEnd() {
        throw new Error('it is another stream');
      },
    });
    await expect(readAll(claimChunks(readable)!)).rejects.toThrow('another stream');
  });

  test('is the only stream that has any', () => {
    expect(claimChunks(new PassThrough())).toBeUndefined();
  });
});

describe('a chunk of a readable that its reader has done with', () => {
  const given = [mebibyte, 10, 20].map((length) => randomBytes(length));
  const releasedWith = async (alsoReads: (readable: ChunkReadable) => unknown) => {
    const source = new GivenChunks(given);
    const readable = new ChunkReadable(source);
    readable.on('data', (chunk: unknown) => {
      releaseChunk(readable, chunk);
    });
    alsoReads(readable);
    await once(readable, 'end');
    return source.released;
  };

  test('goes back to its source', async () => {
    expect(await releasedWith(() => undefined)).toEqual(given);
  });

  test.each<[string, (readable: ChunkReadable) => unknown]>([
    ['listens', (readable) => readable.on('data', () => undefined)],
    ['has it piped elsewhere', (readable) => readable.pipe(new PassThrough().resume())],
  ])('does not where somebody else %s', async (_what, alsoReads) => {
    expect(await releasedWith(alsoReads)).toEqual([]);
  });

  test('is nothing that a stream of another kind would be told', () => {
    releaseChunk(new PassThrough(), Buffer.alloc(1));
  });
});

test('bytes that are looked at are left out where they are none of the stream', async () => {
  const source = new GivenChunks([Buffer.from('abc'), Buffer.from('def'), Buffer.from('ghi')]);
  const seen: string[] = [];
  const chunks = new LookedAtChunks(source, (bytes) => {
    seen.push(Buffer.from(bytes).toString());
    return seen.length === 1 ? 3 : seen.length === 2 ? 1 : 0;
  });
  expect((await readAll(chunks)).bytes.toString()).toBe('abcd');
  expect(seen).toEqual(['abc', 'def', 'ghi']);
});

test('looked at chunks keep their order also where calls overlap and a chunk is left out', async () => {
  const source = new GivenChunks([Buffer.from('left out'), Buffer.from('abc'), Buffer.from('def')]);
  const chunks = new LookedAtChunks(source, (bytes) => (bytes.length === 3 ? 3 : 0));
  const given = await Promise.all([chunks.next(), chunks.next(), chunks.next()]);
  expect(given.map((chunk) => chunk?.toString())).toEqual(['abc', 'def', undefined]);
});

test('counted chunks tell how far they are, and have a trailer', async () => {
  const progress: number[] = [];
  const chunks = new CountedChunks(
    new GivenChunks([Buffer.from('abc'), Buffer.from('de')]),
    (bytes) => progress.push(bytes),
    chunkOf(Buffer.from('!')),
  );
  expect((await readAll(chunks)).bytes.toString()).toBe('abcde!');
  expect(progress).toEqual([3, 5]);
});

describe('pouring', () => {
  const given = [1, 2, 3].map((length) => randomBytes(length));

  test('gives each chunk when the one before was taken, and the memory back if that may be', async () => {
    for (const isDoneWithChunks of [true, false]) {
      const source = new GivenChunks(given);
      const taken: Buffer[] = [];
      let writing = 0;
      const write = async (chunk: Buffer) => {
        expect(++writing).toBe(1);
        await turn();
        taken.push(chunk);
        writing--;
      };
      await pour(source, { write, isDoneWithChunks }, signal);
      expect(taken).toEqual(given);
      expect(source.released).toEqual(isDoneWithChunks ? given : []);
      expect(source.closed).toBe(1);
    }
  });

  test('ends with what the taker fails with, and takes nothing more', async () => {
    const source = new GivenChunks(given);
    const broken = new Error('full');
    await expect(pour(source, { write: () => Promise.reject(broken), isDoneWithChunks: true }, signal)).rejects.toBe(
      broken,
    );
    expect(source.asked).toBe(1);
    expect(source.closed).toBe(1);
  });

  test('can be aborted while the taker does not answer', async () => {
    const source = new GivenChunks(given);
    const abort = new AbortController();
    const write = () => {
      abort.abort(new Error('enough'));
      return new Promise<void>(() => undefined);
    };
    await expect(pour(source, { write, isDoneWithChunks: true }, abort.signal)).rejects.toMatchObject({
      code: 'ABORTED',
      cause: { message: 'enough' },
    });
    expect(source.closed).toBe(1);
  });

  test('waits for ever for no source that does not close', async () => {
    using time = new PassingTime();
    for (const pouredBy of [signal, AbortSignal.abort()]) {
      const source = new UnclosedChunks(given);
      const write = () => Promise.resolve();
      const poured = pour(source, { write, isDoneWithChunks: true }, pouredBy).catch((error: unknown) => error);
      await until(() => source.closed > 0);
      time.pass(10_000);
      expect(await poured).toEqual(pouredBy.aborted ? expect.objectContaining({ code: 'ABORTED' }) : undefined);
    }
  });

  test('does not begin where it is aborted already', async () => {
    const source = new GivenChunks(given);
    let written = 0;
    const write = async () => {
      written++;
    };
    await expect(pour(source, { write, isDoneWithChunks: true }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(source.closed).toBe(1);
    expect(written).toBe(0);
  });
});
