import { type CrashPoint, describeCrash } from './crash-case.js';
import {
  type CallInterruption,
  callInterruptions,
  type CallSite,
  describeInterruption,
  type InterruptedTransfer,
  type Interruption,
  isMutation,
  isTask,
  outages,
  type Place,
  secondInterruptions,
  taskInterruptions,
} from './interruption.js';
import type { Job } from './job.js';
import type { Random } from './random.js';
import type { Recording } from './record.js';
import { isRestore, nameOf, type Scenario, scenarios } from './scenario.js';

/** The columns of the table. */
export const columns = ['fault', 'reset', 'expiry', 'cancel', 'outage', 'transfer', 'crash', 'double'] as const;
export type Column = (typeof columns)[number];

/** A case to run, and where it counts. */
export interface PlannedCase {
  readonly scenario: Scenario;
  readonly column: Column;
  readonly name: string;
  readonly job: Extract<Job, { readonly type: 'fault' | 'crash' }>;
}

/** A scenario and what a clean run of it was. */
export interface Recorded {
  readonly scenario: Scenario;
  readonly recording: Recording;
}

/** What is done to every call of every scenario. */
const basic: readonly CallInterruption[] = [
  'fault before',
  'fault after',
  'reset before',
  'reset after',
  'expiry before',
  'cancel before',
];
const places: readonly Place[] = ['start', 'middle', 'end'];

/**
 * All cases of a scenario but the double faults.
 *
 * What happens to a call that changes something is tried in all scenarios. The calls that change nothing are made by the same
 * code on any server, by any path, and for a larger volume: where it is complete, every interruption happens to them, elsewhere
 * they take turns. Unless the plan is a thorough one.
 */
export function planScenario({ scenario, recording }: Recorded, { thorough }: { thorough: boolean }): PlannedCase[] {
  const complete = thorough || isComplete(scenario);
  // Scenarios begin with different turns, so that together they do everything to every call.
  const first = scenarios.indexOf(scenario);
  const calls = recording.sites.flatMap((site, index) =>
    interruptionsOf(site, first + index, { complete, thorough }).map((kind) =>
      faultCase(scenario, columnOf(kind), { what: 'call', site, kind }),
    ),
  );
  const transfers = transfersOf(scenario).map((interruption) => faultCase(scenario, 'transfer', interruption));
  return [...calls, ...transfers, ...crashesOf(scenario, recording, { complete, thorough })];
}

/** A second fault in the undo of the first. */
export function planDouble(recorded: readonly Recorded[], random: Random): PlannedCase {
  // Restores have more to undo.
  const restores = recorded.filter(({ scenario }) => isRestore(scenario));
  const { scenario, recording } = random.pick(random.below(5) === 0 ? recorded : restores);
  const site = random.pick(recording.sites);
  const kind = random.pick([...callInterruptions, ...(isTask(site.method) ? taskInterruptions : [])]);
  const second = { after: 1 + random.below(12), kind: random.pick(secondInterruptions) };
  return faultCase(scenario, 'double', { what: 'call', site, kind, second });
}

function interruptionsOf(
  { method }: CallSite,
  turnOf: number,
  { complete, thorough }: { readonly complete: boolean; readonly thorough: boolean },
): CallInterruption[] {
  const ofTask = isTask(method) ? taskInterruptions : [];
  if (thorough || (complete && isMutation(method))) return [...callInterruptions, ...ofTask, ...outages];
  if (isMutation(method)) return [...basic, ...ofTask, 'outage after'];
  const turn = (kinds: readonly CallInterruption[]): CallInterruption[] =>
    kinds.filter((_, n) => n === turnOf % kinds.length);
  const others = turn(['outage before', 'cancel after', 'expiry after', 'outage after']);
  return complete ? [...basic, ...others] : turn(basic);
}

function isComplete({ work, mode, transfer }: Scenario): boolean {
  return mode === 'vcenter' && transfer === 'file' && !work.includes('larger');
}

function columnOf(kind: CallInterruption): Column {
  const known = columns.find((column) => kind.includes(column));
  if (known === undefined) throw new RangeError(`no column for ${kind}`);
  return known;
}

function transfersOf(scenario: Scenario): InterruptedTransfer[] {
  const direction = isRestore(scenario) ? 'import' : 'export';
  const at = (kind: InterruptedTransfer['kind'], where = places): InterruptedTransfer[] =>
    where.map((place) => ({ what: 'transfer', direction, kind, place }));
  return direction === 'import'
    ? [...at('reset'), ...at('stall'), ...at('status')]
    : // A status comes before the body or not at all; who sends the body can end it too early.
      [...at('reset'), ...at('stall'), ...at('truncate'), ...at('status', ['start'])];
}

/** A dead process is seen by what it changed: before and after every change, and at a sample of the calls between. */
function crashesOf(
  scenario: Scenario,
  { sites }: Recording,
  { complete, thorough }: { readonly complete: boolean; readonly thorough: boolean },
): PlannedCase[] {
  const calls = sites
    .filter(({ method }, index) => thorough || isMutation(method) || (complete && index % 5 === 0))
    .flatMap((site) => (['before', 'after'] as const).map((phase): CrashPoint => ({ what: 'call', site, phase })));
  const direction = isRestore(scenario) ? 'import' : 'export';
  const transfers = places.map((place): CrashPoint => ({ what: 'transfer', direction, place }));
  return [...calls, ...transfers].map((point) => ({
    scenario,
    column: 'crash',
    name: `${nameOf(scenario)}: ${describeCrash(point)}`,
    job: { type: 'crash', scenario, point },
  }));
}

function faultCase(scenario: Scenario, column: Column, interruption: Interruption): PlannedCase {
  return {
    scenario,
    column,
    name: `${nameOf(scenario)}: ${describeInterruption(interruption)}`,
    job: { type: 'fault', scenario, interruption },
  };
}
