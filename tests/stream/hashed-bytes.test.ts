import { randomBytes } from 'node:crypto';
import { appendFile, chmod, copyFile, link, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DigestedChunks } from '../../src/stream/digested-chunks.js';
import { hashedChunk, hashedFile, noteHashedFile } from '../../src/stream/hashed-bytes.js';
import { needing } from '../support/needing.js';
import { GivenChunks, mebibyte, sha256 } from './support/chunks.js';

describe('chunks that were hashed', () => {
  test('are known by their memory: which stream, and where in it', async () => {
    const given = [mebibyte, 1000, 7].map((length) => randomBytes(length));
    const chunks = new DigestedChunks(new GivenChunks(given));
    let position = 0;
    let last: ReturnType<typeof hashedChunk>;
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      last = hashedChunk(chunk);
      expect(last?.position).toBe(position);
      expect(hashedChunk(chunk.subarray(5))?.position).toBe(position + 5);
      expect(hashedChunk(Buffer.from(chunk))).toBeUndefined();
      position += chunk.length;
    }
    // Known once the stream has ended, to whoever was given a part of it.
    expect(last?.stream).toEqual({ streamBytes: position, sha256: sha256(Buffer.concat(given)) });
  });
});

describe('a file that was hashed', () => {
  let directory: string;
  let path: string;
  const stream = { streamBytes: 1000, sha256: 'the digest' };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hashed-file-'));
    path = join(directory, 'file');
    await writeFile(path, randomBytes(1000));
  });
  afterEach(async () => rm(directory, { recursive: true }));

  test('is known by whatever name, until that is ended', async () => {
    expect(await hashedFile(path)).toBeUndefined();
    const note = await noteHashedFile(path, stream);
    expect(await hashedFile(path)).toEqual(stream);
    await link(path, `${path}-2`);
    await rename(path, `${path}-3`);
    expect(await hashedFile(`${path}-2`)).toEqual(stream);
    expect(await hashedFile(`${path}-3`)).toEqual(stream);
    note[Symbol.dispose]();
    expect(await hashedFile(`${path}-2`)).toBeUndefined();
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is written to', async () => writeFile(path, randomBytes(1000))],
    ['grows', async () => appendFile(path, 'more')],
    ['is replaced', async () => writeFile(`${path}-2`, randomBytes(1000)).then(() => rename(`${path}-2`, path))],
  ])('is unknown once it %s', async (_what, change) => {
    using _note = await noteHashedFile(path, stream);
    await change();
    expect(await hashedFile(path)).toBeUndefined();
  });

  test('is unknown once it is written to in the moment in which it was noted, by a clock that counts seconds', async () => {
    await utimes(path, 5, 5);
    using _note = await noteHashedFile(path, stream);
    await writeFile(path, randomBytes(1000));
    await utimes(path, 5, 5);
    expect(await hashedFile(path)).toBeUndefined();
  });

  const asRoot = needing(process.geteuid?.() === 0, 'it takes root to become somebody else');
  asRoot.test('is hashed again where it is somebody else’s', async () => {
    await chmod(directory, 0o755);
    process.seteuid?.(65534);
    try {
      using _note = await noteHashedFile(path, stream);
      expect(await hashedFile(path)).toBeUndefined();
    } finally {
      process.seteuid?.(0);
    }
  });

  test('says nothing of a copy', async () => {
    using _note = await noteHashedFile(path, stream);
    await copyFile(path, `${path}-2`);
    expect(await hashedFile(`${path}-2`)).toBeUndefined();
  });

  test('has the length that was hashed, or is unknown', async () => {
    using _note = await noteHashedFile(path, { ...stream, streamBytes: 999 });
    expect(await hashedFile(path)).toBeUndefined();
  });
});
