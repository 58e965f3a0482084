import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { FileObjectStore } from '../../src/stores/index.js';
import { fills, readInto } from '../../src/stream/read-into.js';

const bytes = randomBytes(5_000_000);

async function withStore(action: (store: FileObjectStore, path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'read-into-'));
  try {
    const store = new FileObjectStore({ directory });
    await store.put('key', bytes);
    await action(store, join(directory, 'key'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('a stream that is read into memory', () => {
  test('may come in pieces of any size', async () => {
    const memory = Buffer.alloc(bytes.length + 10);
    const pieces = [bytes.subarray(0, 3), bytes.subarray(3, 1_000_000), bytes.subarray(1_000_000)];
    expect(await readInto(Readable.from(pieces), memory)).toBe(bytes.length);
    expect(memory.subarray(0, bytes.length).equals(bytes)).toBe(true);
  });

  test('is refused where it has more bytes than there is room for', async () => {
    const refused = expect.objectContaining({ code: 'STORE_FAILED' });
    await expect(readInto(Readable.from([bytes]), Buffer.alloc(10))).rejects.toEqual(refused);
    await withStore(async (store) => {
      await expect(readInto(await store.get('key'), Buffer.alloc(10))).rejects.toEqual(refused);
    });
  });

  test('from a directory gives the part that was asked for, and closes its file', async () => {
    await withStore(async (store) => {
      const memory = Buffer.alloc(3_000_000);
      const stream = await store.get('key', { range: { offset: 1_234_567, length: 3_000_000 } });
      expect(await readInto(stream, memory)).toBe(3_000_000);
      expect(memory.equals(bytes.subarray(1_234_567, 4_234_567))).toBe(true);
      expect(stream.destroyed).toBe(true);
    });
  });

  test('from a directory gives all of it to whoever listens, too', async () => {
    await withStore(async (store) => {
      const memory = Buffer.alloc(bytes.length);
      const stream = await store.get('key');
      const heard: Buffer[] = [];
      let ended = 0;
      stream.on('data', (piece: Buffer) => heard.push(Buffer.from(piece))).on('end', () => ended++);
      expect(await readInto(stream, memory)).toBe(bytes.length);
      expect(memory.equals(bytes)).toBe(true);
      expect(Buffer.concat(heard).equals(bytes)).toBe(true);
      expect(ended).toBe(1);
    });
  });

  test('from a directory gives what it holds already, too', async () => {
    await withStore(async (store) => {
      const memory = Buffer.alloc(bytes.length);
      const stream = await store.get('key');
      await once(stream, 'readable');
      expect(await readInto(stream, memory)).toBe(bytes.length);
      expect(memory.equals(bytes)).toBe(true);
    });
  });

  test('has as many bytes as came, and not as it said', async () => {
    const stream = Object.assign(new PassThrough(), {
      remainingBytes: 10,
      [fills]: (memory: Uint8Array) => {
        memory.set(bytes.subarray(0, 7));
        return Promise.resolve(7);
      },
    });
    expect(await readInto(stream, Buffer.alloc(10))).toBe(7);
  });

  test('from a directory may be given on by somebody else', async () => {
    await withStore(async (store) => {
      const memory = Buffer.alloc(bytes.length);
      expect(await readInto((await store.get('key')).pipe(new PassThrough()), memory)).toBe(bytes.length);
      expect(memory.equals(bytes)).toBe(true);
    });
  });

  test('from a file that became shorter is an error', async () => {
    await withStore(async (store, path) => {
      await writeFile(path, bytes);
      const stream = await store.get('key');
      await truncate(path, 1000);
      await expect(readInto(stream, Buffer.alloc(bytes.length))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });

  test('is aborted as any other', async () => {
    await withStore(async (store) => {
      const controller = new AbortController();
      const stream = await store.get('key', { signal: controller.signal });
      controller.abort();
      await expect(readInto(stream, Buffer.alloc(bytes.length))).rejects.toMatchObject({ code: 'ABORTED' });
    });
  });
});
