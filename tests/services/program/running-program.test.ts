import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RunningProgram, runProgram } from '../../../src/services/program/running-program.js';
import { longestTimerMs } from '../../../src/time-limit.js';
import { PassingTime } from '../../support/passing-time.js';
import { until } from '../../support/until.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'running-program-'));
});

afterEach(async () => {
  for (const pid of await pids()) if (isAlive(pid)) process.kill(pid);
  await rm(directory, { recursive: true, force: true });
});

/** What the program said that it or what it started is. */
const pids = async () => {
  const text = await readFile(join(directory, 'program.pids'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
};

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function scriptOf(text: string): Promise<string> {
  const path = join(directory, 'program');
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Has time pass until it ends. */
async function ended<T>(work: Promise<T>, time: PassingTime): Promise<T> {
  const over = new AbortController();
  const end = () => over.abort();
  work.then(end, end);
  while (!over.signal.aborted) {
    time.pass(1000);
    await new Promise(setImmediate);
  }
  return work;
}

it.each([
  ['takes nothing', false],
  ['moves nothing', true],
])('a program that %s is ended, though what it started lives on and holds its pipes', async (_, isSilent) => {
  const program = await scriptOf('sleep 300 & echo $! >> "$0.pids"; wait');
  const running = new RunningProgram({ program, args: [], stallTimeoutMs: 300, hasInput: true, isSilent });
  await until(async () => (await pids()).length === 1);
  await expect(running.write(Buffer.alloc(8 * 1024 * 1024))).rejects.toMatchObject({ reason: 'stalled' });
  await expect(running.end()).rejects.toMatchObject({ reason: 'stalled' });
});

it('a program that is killed is not waited for until what it started has ended', async () => {
  const program = await scriptOf('sleep 300 & echo $! >> "$0.pids"; wait');
  const running = new RunningProgram({ program, args: [], stallTimeoutMs: longestTimerMs, hasInput: true });
  await until(async () => (await pids()).length === 1);
  running.kill();
  expect(await running.end()).toMatchObject({ signal: 'SIGKILL' });
});

it.each([
  ['that speaks', false],
  ['that says nothing', true],
])('a program %s has ended well, though what it started holds its standard error', async (_, isSilent) => {
  using time = new PassingTime();
  const program = await scriptOf(`
    { exec >&-; : > "$0.closed"; exec sleep 300; } &
    echo $! >> "$0.pids"
    until [ -e "$0.closed" ]; do sleep 0.01; done
    echo given; echo said >&2
  `);
  const running = runProgram({ program, args: [], stallTimeoutMs: longestTimerMs, isSilent });
  expect(await ended(running, time)).toMatchObject({ code: 0, stdout: 'given\n', stderr: 'said' });
});

it('a program that has ended is not waited for as long as what it started speaks', async () => {
  const program = await scriptOf(`
    { exec >&-; while :; do echo more >&2; sleep 0.5; done; } &
    echo $! >> "$0.pids"
    echo given
  `);
  expect(await runProgram({ program, args: [], stallTimeoutMs: longestTimerMs })).toMatchObject({ code: 0 });
});

it('an output that what it started holds open does not pass for a whole one', async () => {
  using time = new PassingTime();
  const program = await scriptOf('sleep 300 & echo $! >> "$0.pids"; echo given');
  const running = runProgram({ program, args: [], stallTimeoutMs: longestTimerMs });
  await expect(ended(running, time)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    reason: 'failed',
    message: expect.stringContaining('keeps its output open') as unknown,
  });
});

it('an output that is taken slowly stays whole, long after the program has ended', async () => {
  using time = new PassingTime();
  const program = await scriptOf('echo $$ >> "$0.pids"; exec head -c 100000 /dev/zero');
  const running = new RunningProgram({ program, args: [], stallTimeoutMs: longestTimerMs });
  let length = 0;
  for await (const chunk of running.output()) {
    const [pid] = await pids();
    await until(() => pid !== undefined && !isAlive(pid));
    for (let seconds = 0; seconds < 60; seconds++) {
      time.pass(1000);
      await new Promise(setImmediate);
    }
    length += chunk.length;
  }
  expect(length).toBe(100_000);
  expect(await running.end()).toMatchObject({ code: 0 });
});
