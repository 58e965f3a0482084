import type { MatrixPool } from '../job.js';
import type { Recorded } from '../plan.js';
import { Random, shuffle } from '../random.js';
import type { Tally } from '../tally.js';
import type { PlannedOthers } from './others-case.js';
import { leadsToPairs, planOthers, planPair, planPairs } from './plan-others.js';

/** What of it to run. */
export interface OthersOptions {
  /** The columns that are wanted. */
  readonly columns: readonly string[];
  /** Only cases whose name contains it. */
  readonly only: string;
  /** So many cases at random, and a third as many pairs of calls; undefined: all. */
  readonly sample: number | undefined;
  readonly thorough: boolean;
  readonly seed: number;
}

/** Runs all that others do at the calls of all scenarios. */
export async function runOthers(
  pool: MatrixPool,
  recorded: readonly Recorded[],
  options: OthersOptions,
  tally: Tally,
): Promise<void> {
  const { columns, only, sample, thorough, seed } = options;
  const isWanted = ({ name, column }: PlannedOthers): boolean => name.includes(only) && columns.includes(column);
  const all = recorded.flatMap((one) => planOthers(one, { thorough }));
  // Those that say how many calls a recovery makes have to run, be they wanted or not, where pairs are.
  const withPairs = sample === undefined && columns.includes('recover × calls');
  const leads = (one: PlannedOthers): boolean => withPairs && leadsToPairs(one, thorough) && couldLeadTo(only, one);
  const planned = all.filter((one) => isWanted(one) || leads(one));
  shuffle(planned, new Random(seed));
  const cases = sample === undefined ? planned : planned.filter(isWanted).slice(0, sample);
  console.log(`${cases.length} of ${all.length} cases of what other people do, and pairs of calls`);
  await Promise.all(cases.map((one) => runOne(one)));
  if (sample !== undefined && columns.includes('recover × calls')) await runSomePairs(Math.ceil(sample / 3));

  async function runOne(one: PlannedOthers): Promise<boolean> {
    try {
      // Polls come as they like: the call that was not there may be there the next time.
      const result =
        (await pool.run(one.job)) ?? (one.column === 'recover × calls' ? undefined : await pool.run(one.job));
      if (result === undefined) {
        if (one.column !== 'recover × calls') tally.missed++;
        return false;
      }
      if (isWanted(one)) tally.add(one, result.verdict);
      if (leads(one)) {
        // One more than it made then: it may make more when the work goes on beside it.
        const pairs = planPairs(one.scenario, one.job.others.when, result.otherCalls + 1).filter(isWanted);
        await Promise.all(pairs.map((pair) => runOne(pair)));
      }
      return true;
    } catch (error) {
      tally.fail(one.name, error);
      return true;
    } finally {
      tally.showNew();
    }
  }

  async function runSomePairs(count: number): Promise<void> {
    const random = new Random(seed);
    let left = count;
    // Many a recovery has fewer calls.
    let tries = count * 4;
    const lane = async (): Promise<void> => {
      while (left > 0 && tries > 0) {
        tries--;
        const pair = planPair(recorded, random);
        if (isWanted(pair) && (await runOne(pair))) left--;
      }
    };
    await Promise.all(Array.from({ length: 12 }, lane));
  }
}

/** Whether the name of a case is the beginning of one that was asked for, or was not asked for by its own. */
function couldLeadTo(only: string, { name }: PlannedOthers): boolean {
  return only.startsWith(name) || name.includes(only);
}
