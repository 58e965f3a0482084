import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { ReadableChunks } from '../../src/stream/readable-chunks.js';
import { mebibyte, readAll } from './support/chunks.js';

const turn = () => new Promise(setImmediate);

function* pieces(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('the chunks of a stream', () => {
  test.each([1000, 16_384, mebibyte, 5 * mebibyte])('are of one size where pieces have %d bytes', async (length) => {
    const bytes = randomBytes(3 * mebibyte + 17);
    const seen: Buffer[] = [];
    const look = (come: Uint8Array) => {
      seen.push(Buffer.from(come));
      return come.length;
    };
    const { bytes: read, lengths } = await readAll(new ReadableChunks(Readable.from(pieces(bytes, length)), { look }));
    expect(read.equals(bytes)).toBe(true);
    expect(lengths).toEqual([mebibyte, mebibyte, mebibyte, 17]);
    expect(Buffer.concat(seen).equals(bytes)).toBe(true);
    expect(Math.max(...seen.map((come) => come.length))).toBeLessThanOrEqual(mebibyte);
  });

  test('of many streams at once leave the event loop its turns, whatever they have ready', async () => {
    const length = 40 * 16_384;
    let inTurn = 0;
    let most = 0;
    let isOver = false;
    const look = (come: Uint8Array) => {
      most = Math.max(most, (inTurn += come.length));
      return come.length;
    };
    const watch = (): void => {
      inTurn = 0;
      if (!isOver) setImmediate(watch);
    };
    watch();
    // As sockets are that have as much ready as they may.
    const streams = Array.from({ length: 60 }, () => {
      const stream = new PassThrough({ highWaterMark: length });
      for (const piece of pieces(Buffer.alloc(length), 16_384)) stream.write(piece);
      return stream.end();
    });
    const read = await Promise.all(streams.map((stream) => readAll(new ReadableChunks(stream, { look }))));
    isOver = true;
    for (const { bytes } of read) expect(bytes.length).toBe(length);
    // The share of a turn and a piece of each stream, in what may be two turns by another's count.
    expect(most).toBeLessThanOrEqual(2 * (mebibyte + 60 * 16_384));
  });

  test('of many streams at once are looked at in the asynchronous context of each', async () => {
    const names = new AsyncLocalStorage<number>();
    let foreign = 0;
    const read = (name: number) => {
      const look = (come: Uint8Array) => {
        if (names.getStore() !== name) foreign += 1;
        return come.length;
      };
      let left = 40;
      const stream = new Readable({
        read() {
          if (names.getStore() !== name) foreign += 1;
          this.push(left-- > 0 ? Buffer.alloc(16_384) : null);
        },
      });
      return readAll(new ReadableChunks(stream, { look }));
    };
    await Promise.all(Array.from({ length: 20 }, (_, name) => names.run(name, () => read(name))));
    expect(foreign).toBe(0);
  });

  test('of an empty stream are none, however often they are asked for', async () => {
    const chunks = new ReadableChunks(Readable.from([]));
    expect(await Promise.all([chunks.next(), chunks.next()])).toEqual([undefined, undefined]);
    expect(await chunks.next()).toBeUndefined();
  });

  test('come in turn where several are asked for at once', async () => {
    const bytes = randomBytes(2 * mebibyte + 5);
    const chunks = new ReadableChunks(Readable.from(pieces(bytes, 65_536)));
    const read = await Promise.all([chunks.next(), chunks.next(), chunks.next(), chunks.next()]);
    expect(read[3]).toBeUndefined();
    expect(Buffer.concat(read.slice(0, 3) as Buffer[]).equals(bytes)).toBe(true);
  });

  test('use the memory of chunks that were given back', async () => {
    const bytes = randomBytes(5 * mebibyte);
    const chunks = new ReadableChunks(Readable.from(pieces(bytes, 65_536)));
    const memories = new Set<ArrayBuffer>();
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      memories.add(chunk.buffer);
      chunks.release(chunk);
    }
    expect(memories.size).toBeLessThanOrEqual(2);
  });

  test('are no more than one ahead of who takes them: the stream waits', async () => {
    let given = 0;
    const stream = new Readable({
      highWaterMark: 65_536,
      read() {
        given += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    const chunks = new ReadableChunks(stream);
    for (let n = 0; n < 100; n++) await turn();
    expect(chunks.isAhead).toBe(true);
    // The chunk, a piece there is no room for, and what the stream holds itself.
    expect(given).toBeLessThanOrEqual(mebibyte + 4 * 65_536);
    await chunks.next();
    for (let n = 0; n < 100; n++) await turn();
    expect(given).toBeGreaterThan(mebibyte + 8 * 65_536);
    await chunks.close();
    expect(stream.destroyed).toBe(true);
  });

  test('a piece of any size is taken bit by bit', async () => {
    const seen: number[] = [];
    const chunks = new ReadableChunks(Readable.from([Buffer.alloc(64 * mebibyte)]), {
      look: ({ length }) => (seen.push(length), length),
    });
    await turn();
    await turn();
    expect(seen).toEqual([mebibyte]);
    await chunks.next();
    expect(seen).toEqual([mebibyte, mebibyte]);
    await chunks.close();
  });
});

describe('a stream that goes wrong', () => {
  const broken = new Error('broken');

  test('fails whoever waits, and whoever asks later', async () => {
    const stream = new PassThrough();
    const chunks = new ReadableChunks(stream, { asError: (cause) => new Error('typed', { cause }) });
    const waiting = chunks.next();
    stream.write('some bytes');
    stream.destroy(broken);
    await expect(waiting).rejects.toMatchObject({ message: 'typed', cause: broken });
    await expect(chunks.next()).rejects.toMatchObject({ message: 'typed', cause: broken });
  });

  test('failed before it came here', async () => {
    const stream = new PassThrough();
    stream.on('error', () => undefined);
    stream.destroy(broken);
    await turn();
    await expect(new ReadableChunks(stream).next()).rejects.toBe(broken);
  });

  test('is closed before its end', async () => {
    const stream = new PassThrough();
    const chunks = new ReadableChunks(stream);
    stream.write('some bytes');
    await turn();
    stream.destroy();
    await expect(chunks.next()).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });

  test('fails once more, late, and harms nobody', async () => {
    const stream = new PassThrough();
    const chunks = new ReadableChunks(stream);
    stream.destroy(broken);
    await expect(chunks.next()).rejects.toBe(broken);
    stream.emit('error', new Error('again'));
  });

  test.each<[string, Readable]>([
    ['objects', Readable.from([{ not: 'bytes' }])],
    [
      'text',
      new Readable({
        encoding: 'utf8',
        read() {
          this.push('text');
        },
      }),
    ],
  ])('gives %s instead of bytes', async (_what, stream) => {
    await expect(new ReadableChunks(stream).next()).rejects.toThrow('something else than bytes');
    expect(stream.destroyed).toBe(true);
  });

  test('has bytes that are refused by who looks at them', async () => {
    const stream = Readable.from(pieces(Buffer.alloc(3 * mebibyte), 65_536));
    let looks = 0;
    const chunks = new ReadableChunks(stream, {
      look({ length }) {
        if (++looks === 20) throw broken;
        return length;
      },
      asError: () => new Error('not for this one'),
    });
    // The sixteen before it were a chunk.
    expect((await chunks.next())?.length).toBe(mebibyte);
    await expect(chunks.next()).rejects.toBe(broken);
    expect(looks).toBe(20);
    expect(stream.destroyed).toBe(true);
  });

  test('is let go while somebody waits', async () => {
    const stream = new PassThrough();
    const chunks = new ReadableChunks(stream);
    const waiting = chunks.next();
    await chunks.close();
    await expect(waiting).rejects.toThrow('let go');
    expect(stream.destroyed).toBe(true);
  });
});
