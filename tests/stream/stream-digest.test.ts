import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, jest, test } from '@jest/globals';
import { DigestThreads } from '../../src/stream/digest-threads.js';
import type { DigestAlgorithm } from '../../src/stream/digest-worker.js';
import { StreamDigest } from '../../src/stream/stream-digest.js';
import { chunkOf, mebibyte, sha1, sha256 } from './support/chunks.js';

const newThreads = (most = 2) => new DigestThreads({ most, idleMs: 10_000 });

describe('digests of a stream', () => {
  test.each([1, 511, 65_537, mebibyte - 1, mebibyte])(
    'are right for chunks of %d bytes, and those come back',
    async (size) => {
      const bytes = randomBytes(Math.min(50 * size, 3 * mebibyte) + 1);
      const digest = new StreamDigest(['sha256', 'sha1']);
      const back: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const chunk = chunkOf(bytes.subarray(at, at + size));
        const { buffer } = chunk;
        back.push(await digest.take(chunk));
        // The memory itself is moved, not copied.
        expect(buffer.byteLength).toBe(0);
      }
      expect(Buffer.concat(back).equals(bytes)).toBe(true);
      expect(await digest.end()).toEqual({ sha256: sha256(bytes), sha1: sha1(bytes) });
    },
  );

  test('are of the chunk and not of all its memory', async () => {
    const memory = Buffer.allocUnsafeSlow(1000).fill(1);
    const digest = new StreamDigest(['sha256']);
    const back = await digest.take(memory.subarray(100, 350).fill(2));
    expect(back).toEqual(Buffer.alloc(250, 2));
    expect(back.buffer.byteLength).toBe(1000);
    expect(await digest.end()).toEqual({ sha256: sha256(Buffer.alloc(250, 2)) });
  });

  test('of no bytes are those of nothing', async () => {
    expect(await new StreamDigest(['sha256']).end()).toEqual({ sha256: sha256(Buffer.alloc(0)) });
  });

  test('are right where chunks are not waited for', async () => {
    const chunks = [70_000, 3, mebibyte, 0, 12].map((length) => randomBytes(length));
    const digest = new StreamDigest(['sha256']);
    const back = await Promise.all(chunks.map((chunk) => digest.take(chunkOf(chunk))));
    expect(Buffer.concat(back).equals(Buffer.concat(chunks))).toBe(true);
    expect(await digest.end()).toEqual({ sha256: sha256(Buffer.concat(chunks)) });
  });

  test('of thousands of small streams, some at a time, are right and take two threads', async () => {
    const threads = newThreads();
    const one = async () => {
      const bytes = randomBytes(3000);
      const digest = new StreamDigest(['sha256'], threads);
      for (let at = 0; at < 3000; at += 1000) await digest.take(chunkOf(bytes.subarray(at, at + 1000)));
      expect(await digest.end()).toEqual({ sha256: sha256(bytes) });
    };
    for (let round = 0; round < 30; round++) await Promise.all(Array.from({ length: 100 }, one));
    expect(threads.size).toBe(2);
  });

  test('one small stream after the other takes one thread', async () => {
    const threads = newThreads();
    for (let n = 0; n < 20; n++) {
      const digest = new StreamDigest(['sha256'], threads);
      await digest.take(chunkOf(randomBytes(10)));
      await digest.end();
    }
    expect(threads.size).toBe(1);
  });

  test('a stream that was dropped in the middle gives its memory back and is out of the way', async () => {
    const threads = newThreads(1);
    const dropped = new StreamDigest(['sha256'], threads);
    const taking = dropped.take(chunkOf(randomBytes(mebibyte)));
    dropped.drop();
    dropped.drop();
    expect((await taking).length).toBe(mebibyte);
    await expect(dropped.take(chunkOf(Buffer.alloc(1)))).rejects.toThrow('ended');
    const next = new StreamDigest(['sha256'], threads);
    await next.take(chunkOf(Buffer.from('x')));
    expect(await next.end()).toEqual({ sha256: sha256(Buffer.from('x')) });
  });
});

describe('a thread', () => {
  test('that fails takes its streams with it, with an error that says so, and the next stream gets another', async () => {
    const threads = newThreads(1);
    const good = new StreamDigest(['sha256'], threads);
    await good.take(chunkOf(randomBytes(10)));
    const bad = new StreamDigest(['no such algorithm' as DigestAlgorithm], threads);
    const refusal = { name: 'ThreadError', code: 'THREAD_FAILED', retryable: true };
    const take = (digest: StreamDigest) => digest.take(chunkOf(randomBytes(10)));
    const waited = await Promise.allSettled([take(bad), take(good)]);
    const late = await Promise.allSettled([take(good), good.end()]);
    const errors = [...waited, ...late].map((result) => (result as PromiseRejectedResult).reason as unknown);
    expect(errors).toEqual(Array(4).fill(expect.objectContaining(refusal)));
    // They may be of several operations, each of which notes its phase on its own.
    expect(new Set(errors).size).toBe(4);
    bad.drop();
    expect(threads.size).toBe(0);
    const next = new StreamDigest(['sha256'], threads);
    await next.take(chunkOf(Buffer.from('x')));
    expect(await next.end()).toEqual({ sha256: sha256(Buffer.from('x')) });
    expect(threads.size).toBe(1);
  });

  test('without a stream is ended after a while, and not before', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      const threads = newThreads();
      const digest = new StreamDigest(['sha256'], threads);
      await digest.take(chunkOf(randomBytes(10)));
      jest.advanceTimersByTime(60_000);
      expect(threads.size).toBe(1);
      await digest.end();
      jest.advanceTimersByTime(9_999);
      expect(threads.size).toBe(1);
      const another = new StreamDigest(['sha256'], threads);
      await another.take(chunkOf(randomBytes(10)));
      jest.advanceTimersByTime(60_000);
      expect(threads.size).toBe(1);
      await another.end();
      jest.advanceTimersByTime(10_000);
      expect(threads.size).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test.each([
    ['keeps the process alive while a reply is due', "await end(); console.log('done')", 0, 'done\n'],
    [
      'does not keep it alive when none is',
      "await end(); setTimeout(() => console.log('late'), 3_600_000).unref()",
      0,
      '',
    ],
    ['does not hold up an exit in the middle', 'for (let n = 0; n < 20; n++) take(); process.exit(7)', 7, ''],
  ])('%s', async (_what, program, code, output) => {
    const script = `
      import { StreamDigest } from './src/stream/stream-digest.ts';
      const digest = new StreamDigest(['sha256']);
      const take = () => digest.take(Buffer.allocUnsafeSlow(1048576));
      const end = async () => { await take(); return digest.end(); };
      ${program};`;
    const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '--eval', script];
    const child = spawn(process.execPath, args, { cwd: resolve('.'), stdio: ['ignore', 'pipe', 'inherit'] });
    const [said, exit] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<unknown[]>]);
    expect({ said, exitCode: exit[0] }).toEqual({ said: output, exitCode: code });
  });
});
