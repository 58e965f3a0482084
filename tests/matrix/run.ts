/**
 * The proof that no interruption loses a volume: runs every scenario with every interruption and prints what became of
 * them. Fails where anything was lost, left over, or reported wrongly.
 *
 *     npm run test:matrix -- [options]
 *
 *     --seed <n>          of everything random; printed
 *     --only <text>       only cases whose name contains it: a scenario, an interruption, or both as printed
 *     --columns <a,b>     only these columns
 *     --sample <n>        so many cases at random, instead of all
 *     --doubles <n>       pairs of faults (default 500)
 *     --others <a,b>      only these columns of what other people do at the same time; `none`
 *     --others-sample <n> so many of those at random (default: as many as --sample says)
 *     --model-runs <n>    random sequences of operations (default 30)
 *     --thorough          every interruption at every call of every scenario, a crash at every call
 *     --workers <n>       processes (default 2)
 *     --outputFile <file> where the counts go, by the names of jest's JSON
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { WorkerPool } from '../support/worker-pool.js';
import type { Job, JobResults, MatrixPool } from './job.js';
import { othersColumns } from './others/others-case.js';
import { runOthers } from './others/run-others.js';
import { columns, planDouble, type PlannedCase, planScenario, type Recorded } from './plan.js';
import { Random, shuffle } from './random.js';
import { scenarios } from './scenario.js';
import { Tally } from './tally.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    columns: { type: 'string', default: columns.join(',') },
    sample: { type: 'string' },
    others: { type: 'string', default: othersColumns.join(',') },
    'others-sample': { type: 'string' },
    doubles: { type: 'string', default: '500' },
    'model-runs': { type: 'string', default: '30' },
    thorough: { type: 'boolean', default: false },
    workers: { type: 'string', default: '2' },
    outputFile: { type: 'string' },
  },
});
/** Most of a case is waiting. */
const casesAtOnce = 6;
const seed = Number(values.seed);
const othersSample = values['others-sample'] ?? values.sample;
const startedAt = Date.now();
const tally = new Tally(columns);
const othersTally = new Tally(othersColumns);

console.log(`seed ${seed}`);
{
  using pool = new WorkerPool<Job, JobResults>(new URL('worker.ts', import.meta.url), {
    workers: Number(values.workers),
    jobsAtOnce: casesAtOnce,
  });

  const recorded: Recorded[] = await Promise.all(
    scenarios.map(async (scenario) => ({ scenario, recording: await pool.run({ type: 'record', scenario }) })),
  );
  const wanted = ({ name, column }: PlannedCase): boolean =>
    name.includes(values.only) && values.columns.split(',').includes(column);
  const planned = recorded.flatMap((one) => planScenario(one, { thorough: values.thorough })).filter(wanted);
  // Long ones and short ones in turn, so that workers are never all waiting for leases to end.
  shuffle(planned, new Random(seed));
  const cases = values.sample === undefined ? planned : planned.slice(0, Number(values.sample));
  console.log(`${recorded.length} scenarios recorded, ${cases.length} interruptions planned`);
  await Promise.all(cases.map((one) => run(pool, one)));
  await runDoubles(pool, recorded, wanted);
  await runOthers(
    pool,
    recorded,
    {
      columns: values.others.split(','),
      only: values.only,
      sample: othersSample === undefined ? undefined : Number(othersSample),
      thorough: values.thorough,
      seed,
    },
    othersTally,
  );
  await checkModel(pool);
}

console.log(`\n${tally.table()}\n\n${tally.summary()}`);
console.log(`\nWhat other people do meanwhile:\n\n${othersTally.table()}\n\n${othersTally.summary()}`);
console.log(`${Math.round((Date.now() - startedAt) / 1000)} s, seed ${seed}`);
if (values.outputFile !== undefined) {
  const tallies = [tally, othersTally];
  const sum = (count: (one: Tally) => number): number => tallies.reduce((total, one) => total + count(one), 0);
  const counts = {
    numPassedTests: sum(({ survived }) => survived),
    numFailedTests: sum(({ failures }) => failures.length),
  };
  await writeFile(values.outputFile, JSON.stringify(counts));
}
process.exitCode = tally.passed && othersTally.passed ? 0 : 1;

/** @returns whether the interruption happened */
async function run(pool: MatrixPool, one: PlannedCase): Promise<boolean> {
  try {
    // Polls come as they like: what was not there to be interrupted may be there the next time.
    const verdict = (await pool.run(one.job)) ?? (one.column === 'double' ? undefined : await pool.run(one.job));
    if (verdict !== undefined) tally.add(one, verdict);
    else if (one.column !== 'double') tally.missed++;
    return verdict !== undefined;
  } catch (error) {
    tally.fail(one.name, error);
    return true;
  } finally {
    showProgress();
    tally.showNew();
  }
}

async function runDoubles(
  pool: MatrixPool,
  recorded: readonly Recorded[],
  wanted: (one: PlannedCase) => boolean,
): Promise<void> {
  const random = new Random(seed);
  const pairs = Number(values.doubles);
  let left = pairs;
  // Of many pairs the second never happens: the work had ended.
  let tries = pairs * 4;
  const lane = async (): Promise<void> => {
    while (left > 0 && tries > 0) {
      tries--;
      const one = planDouble(recorded, random);
      if (wanted(one) && (await run(pool, one))) left--;
    }
  };
  await Promise.all(Array.from({ length: 12 }, lane));
}

/** On all workers at once, each with a seed of its own. */
async function checkModel(pool: MatrixPool): Promise<void> {
  const runs = Number(values['model-runs']);
  if (runs === 0 || values.only !== '') return;
  const lanes = 6;
  const reports = await Promise.all(
    Array.from({ length: lanes }, (_, n) => pool.run({ type: 'model', seed: seed + n, runs: Math.ceil(runs / lanes) })),
  );
  const steps = reports.reduce((sum, report) => sum + report.steps, 0);
  const sequences = reports.reduce((sum, report) => sum + report.runs, 0);
  console.log(`\nmodel: ${sequences} random sequences, ${steps} steps on 3 volumes`);
  for (const { failure } of reports) {
    if (failure === undefined) continue;
    tally.fail('model', failure);
    console.log(failure);
  }
}

function showProgress(): void {
  const { tried, survived } = tally;
  if (tried % 250 === 0 && tried > 0) console.log(`  ${survived} of ${tried} survived so far`);
}
