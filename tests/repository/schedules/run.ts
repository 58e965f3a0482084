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
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WorkerPool } from '../../support/worker-pool.js';
import { nothingYet, type Tally } from './run-schedule.js';
import type { ScheduleJob, ScheduleResults } from './worker.js';

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
let survived = 0;

/** One schedule after the other, until none is left or one failed. */
async function runSome(pool: WorkerPool<ScheduleJob, ScheduleResults>): Promise<void> {
  while (begun < schedules && failures.length === 0) {
    const seed = firstSeed + begun++;
    try {
      add(await inTime(pool.run({ type: 'schedule', seed })));
    } catch (error) {
      failures.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    if (++survived % 500 === 0) console.log(`${survived} of ${schedules}, ${secondsSince(startedAt)} s`);
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const late = setTimeout(limitMs, undefined, { signal: settled.signal }).then(() => {
    throw new Error('somebody neither calls the store nor ends');
  });
  // Not where the work was in time.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    settled.abort();
  }
}

function add(tally: Tally): void {
  for (const name of Object.keys(total) as (keyof Tally)[]) total[name] += tally[name];
}

/** What a schedule is to be good for has to happen. */
function* missing(): Generator<string> {
  const fewest = { calls: 60, actors: 3, kills: 1 };
  for (const [name, least] of Object.entries(fewest) as [keyof typeof fewest, number][]) {
    if (total[name] < least * schedules) yield `${name}: ${total[name]}, less than ${least} a schedule`;
  }
  for (const name of ['collected', 'repacked', 'guarded', 'lostAnswers'] as const) {
    if (total[name] <= schedules / 6) yield `${name}: ${total[name]}, not more than one in six schedules`;
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

{
  using pool = new WorkerPool<ScheduleJob, ScheduleResults>(new URL('worker.ts', import.meta.url), {
    workers,
    jobsAtOnce: 1,
    // Most of the memory is that of buffers: with a small heap the engine would look for garbage after every few of them. And its
    // helpers would take the processors from the other process.
    execArgv: ['--initial-heap-size=2000', '--single-threaded-gc'],
  });
  await Promise.all(Array.from({ length: workers }, () => runSome(pool)));
}
if (failures.length === 0 && schedules >= fewestToJudge) failures.push(...missing());
for (const failure of failures) console.error(failure);
console.log(`${survived} schedules from seed ${firstSeed}: ${JSON.stringify(total)}`);
console.log(`${survived} survived, ${failures.length} failed, ${secondsSince(startedAt)} s`);
if (values.outputFile !== undefined) {
  await writeFile(values.outputFile, JSON.stringify({ numPassedTests: survived, numFailedTests: failures.length }));
}
process.exitCode = failures.length === 0 ? 0 : 1;
