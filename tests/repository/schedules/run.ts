/**
 * The proof that a repository loses nothing whoever works at once and dies: runs schedules, prints what happened in them, and
 * fails at the first in which a committed backup does not restore exactly, or something is left that nobody needs.
 *
 *     npm run test:schedules -- [options]
 *
 *     --schedules <n>     how many (default 3,000; `npm run test:schedules:long` has 50,000)
 *     --seed <n>          of the first; each is told by a number of its own
 *     --workers <n>       processes (default 2)
 *     --outputFile <file> where the counts go, by the names of jest's JSON
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nothingYet, type Tally } from './run-schedule.js';
import type { Done } from './worker.js';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '20261126' },
    workers: { type: 'string', default: '2' },
    outputFile: { type: 'string' },
  },
});
const schedules = wholeNumber('schedules', values.schedules);
const firstSeed = wholeNumber('seed', values.seed);
const workers = wholeNumber('workers', values.workers);
const startedAt = Date.now();
/** Of fewer schedules it may be chance what did not happen in them. */
const fewestToJudge = 500;
/** How long a schedule may take, in milliseconds: it takes a third of a second where nobody else is at work. */
const limitMs = 10 * 60_000;

const total: Tally = { ...nothingYet };
const failures: string[] = [];
let begun = 0;
let ended = 0;

/** What a process does, one schedule after the other, until none is left or one failed. */
async function work(): Promise<void> {
  // Most of the memory is that of buffers: with a small heap the engine would look for garbage after every few of them. And its
  // helpers would take the processors from the other process.
  const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), {
    execArgv: [...process.execArgv, '--initial-heap-size=2000', '--single-threaded-gc'],
  });
  try {
    while (begun < schedules && failures.length === 0) {
      const seed = firstSeed + begun++;
      const { tally, error } = await ask(child, seed);
      if (error === undefined) add(tally);
      else failures.push(`seed ${seed}: ${error}`);
      if (++ended % 500 === 0) console.log(`${ended} of ${schedules}, ${secondsSince(startedAt)} s`);
    }
  } catch (error) {
    failures.push(String(error));
  } finally {
    child.kill('SIGKILL');
  }
}

async function ask(child: ChildProcess, seed: number): Promise<Done> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(child, 'exit', { signal }).then(([code, killedBy]: unknown[]) => {
    throw new Error(`seed ${seed}: its process ended with ${String(code ?? killedBy)}`);
  });
  const late = setTimeout(limitMs, undefined, { signal }).then(() => {
    throw new Error(`seed ${seed}: somebody neither calls the store nor ends`);
  });
  const answered = once(child, 'message', { signal }).then(([done]: unknown[]) => done as Done);
  child.send(seed);
  try {
    return await Promise.race([answered, ended, late]);
  } finally {
    for (const waited of [answered, ended, late]) waited.catch(() => undefined);
    settled.abort();
  }
}

function add(tally: Tally): void {
  for (const name of Object.keys(total) as (keyof Tally)[]) total[name] += tally[name];
}

/** What a schedule is to be good for has to happen. */
function* missing(): Generator<string> {
  const fewest: readonly (readonly [keyof Tally, number])[] = [
    ['calls', 60 * schedules],
    ['actors', 3 * schedules],
    ['kills', schedules],
    ['collected', schedules / 6],
    ['repacked', schedules / 6],
    ['guarded', schedules / 6],
    ['lostAnswers', schedules / 6],
  ];
  for (const [name, least] of fewest) {
    if (total[name] < least) yield `${name}: ${total[name]}, and should be ${Math.ceil(least)} at least`;
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number <= 0) throw new Error(`--${option} is no whole number: ${text}`);
  return number;
}

function secondsSince(time: number): number {
  return Math.round((Date.now() - time) / 1000);
}

await Promise.all(Array.from({ length: workers }, work));
if (failures.length === 0 && schedules >= fewestToJudge) failures.push(...missing());
for (const failure of failures) console.error(failure);
console.log(`${ended} schedules from seed ${firstSeed}: ${JSON.stringify(total)}`);
console.log(`${ended - failures.length} survived, ${failures.length} failed, ${secondsSince(startedAt)} s`);
if (values.outputFile !== undefined) {
  const counts = { numPassedTests: Math.max(0, ended - failures.length), numFailedTests: failures.length };
  await writeFile(values.outputFile, JSON.stringify(counts));
}
process.exitCode = failures.length === 0 ? 0 : 1;
