import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { startWorker } from '../../src/start-worker.js';
import { CodecPool } from '../../src/vmdk/codec-pool.js';

/** In a process of its own: what must not happen is that it dies. */
async function run(...program: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', './scripts/ts-node.mjs', ...program]);
  return stdout;
}

const [input, output] = [new SharedArrayBuffer(2 ** 20), new SharedArrayBuffer(2 ** 21)];
const task = { kind: 'deflate', input, output, count: 16, firstGrain: 0 } as const;

test('operations that end early leave the process alive', async () => {
  const said: unknown = JSON.parse(await run('tests/vmdk/support/corrupt-runs.ts', '100'));
  expect(said).toMatchObject({ runs: 100, ended: 100, left: [] });
}, 600_000);

describe('a pool', () => {
  test('that is aborted settles what is running, what waits and what comes after', async () => {
    const pool = new CodecPool(2, 65_536);
    const results = [...Array(8).keys()].map(() => pool.run(task));
    pool.abort(new Error('enough'));
    results.push(pool.run(task));
    const settled = await Promise.allSettled(results);
    expect(settled.map((result) => String((result as PromiseRejectedResult).reason))).toEqual(
      Array(9).fill('Error: enough'),
    );
    await pool.close();
  });

  test('that has done some work can be aborted in the middle of more', async () => {
    const pool = new CodecPool(2, 65_536);
    await pool.run(task);
    const more = [pool.run(task), pool.run(task), pool.run(task)];
    await more[0];
    pool.abort(new Error('enough'));
    await Promise.allSettled(more);
    await pool.close();
    await expect(pool.run(task)).rejects.toThrow('enough');
  });

  test('a thread of which fails has failed: a typed error, for what comes after as well', async () => {
    const pool = new CodecPool(1, 65_536);
    const broken = { ...task, input: undefined } as unknown as typeof task;
    for (const result of await Promise.allSettled([pool.run(broken), pool.run(task)])) {
      const failure = { code: 'THREAD_FAILED', retryable: true, cause: { name: 'TypeError' } };
      expect(result).toMatchObject({ status: 'rejected', reason: failure });
    }
    await expect(pool.run(task)).rejects.toMatchObject({ code: 'THREAD_FAILED' });
    await pool.close();
  });

  test('between two batches, an abort leaves no promise that nobody awaits: that would end the process', async () => {
    const program = `
      import { CodecPool } from './src/vmdk/codec-pool.ts';
      const pool = new CodecPool(1, 65536);
      pool.abort(new Error('aborted'));
      const refused = pool.run({ kind: 'deflate', count: 1, firstGrain: 0 });
      await new Promise((resolve) => setImmediate(resolve));
      await refused.catch((error) => console.log(error.message));
      await pool.close();`;
    expect(await run('--input-type=module', '--eval', program)).toBe('aborted\n');
  });
});

describe('the end of the process', () => {
  const program = `
    import { Worker } from 'node:worker_threads';
    import { ThreadControl } from './src/vmdk/thread-control.ts';
    const control = new ThreadControl(1);
    const thread = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const numbers = new Int32Array(workerData);
      Atomics.store(numbers, 1, 1);
      parentPort.postMessage('busy');
      while (Atomics.load(numbers, 0) === 0);
      const until = Date.now() + 200;
      while (Date.now() < until);
      require('node:fs').writeSync(1, 'through');
      Atomics.store(numbers, 1, 0);
      Atomics.notify(numbers, 1);
    \`;
    new Worker(thread, { eval: true, execArgv: [], workerData: control.memory }).on('message', () => {
      process.exit(0);
    });`;

  test('waits until no thread is in native code', async () => {
    expect(await run('--input-type=module', '--eval', program)).toBe('through');
  });

  test('is watched no longer once the threads have ended', async () => {
    const before = process.listenerCount('exit');
    const [one, other] = [new CodecPool(1, 65_536), new CodecPool(1, 65_536)];
    expect(process.listenerCount('exit')).toBe(before + 1);
    await one.close();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await other.close();
    expect(process.listenerCount('exit')).toBe(before);
  });
});

test('a thread that cannot be started is a typed error', () => {
  // What it is started with cannot be sent to it: as with a system that gives no thread, none comes into being.
  const start = () => startWorker('odd', '', () => undefined);
  expect(start).toThrow(expect.objectContaining({ code: 'THREAD_FAILED', retryable: true }));
});
