import { type CallSite, isMutation } from '../interruption.js';
import type { Recorded } from '../plan.js';
import type { Random } from '../random.js';
import { isRestore, nameOf, type Scenario, scenarios } from '../scenario.js';
import { canHappen, type Happening, happenings } from './happening.js';
import { columnOf, describeOthers, type OthersCase, type PlannedOthers, type When } from './others-case.js';

const arrivals = [1, 2, 3, 5, 8, 13, 'after the end', 'after recovery'] as const;
const sessionEnds = ['session-empty', 'session-blind', 'session-missing-set'] as const;

/**
 * What others do at the calls of a scenario, all but the pairs of calls. Where it is complete, all of it happens at every call.
 * Elsewhere what happens takes turns: those calls are made by the same code, and what somebody else does is the same to it.
 */
export function planOthers({ scenario, recording }: Recorded, { thorough }: { thorough: boolean }): PlannedOthers[] {
  const complete = thorough || isComplete(scenario);
  // Scenarios begin with different turns, so that together they do everything to every call.
  const first = scenarios.indexOf(scenario);
  return recording.sites.flatMap((site, index) => {
    const all = casesAt(scenario, site);
    if (complete) return all;
    const turns = isMutation(site.method) ? 2 : 6;
    return all.filter((one, n) => n % turns === (first + index) % turns || leadsToPairs(one, thorough));
  });
}

/** What happens at a call: before it and, where it changes something, before its caller knows of that. */
function casesAt(scenario: Scenario, site: CallSite): PlannedOthers[] {
  const before: When = { site, phase: 'before' };
  const after: When = { site, phase: 'after' };
  const moments = isMutation(site.method) ? [before, after] : [before];
  const sessions = sessionEnds.map((how): OthersCase => ({ kind: 'session', when: before, how }));
  if (!isRestore(scenario)) return sessions.map((one) => planned(scenario, one));
  return [
    ...moments.map((when): OthersCase => ({ kind: 'recover', when })),
    ...moments.map((when): OthersCase => ({ kind: 'second restore', when })),
    ...happenings
      .filter((happening) => canHappen(happening, scenario) && !isUnseeable(happening, site))
      .flatMap((happening) => moments.map((when): OthersCase => ({ kind: 'happening', when, happening }))),
    ...sessions,
    ...(isMutation(site.method)
      ? arrivals.map((arrives): OthersCase => ({ kind: 'late', when: before, arrives }))
      : []),
  ].map((one) => planned(scenario, one));
}

/**
 * Whether something takes the volume's VM away for good before its restore saw it the first time: it looks for a temporary VM, and then
 * for the volume's by its id. Nothing shows after that that the volume is not a new one.
 */
function isUnseeable(happening: Happening, { method, nth }: CallSite): boolean {
  return happening === 'unregistered' && method === 'FindAllByUuid' && nth <= 2;
}

/** Whether a case says how many calls a recovery makes that is to be held at each of them. */
export function leadsToPairs({ scenario, job: { others } }: PlannedOthers, thorough: boolean): boolean {
  const { kind, when } = others;
  return kind === 'recover' && when.phase === 'before' && isMutation(when.site.method) && hasPairs(scenario, thorough);
}

/** Whether a scenario's changing calls are held against each call of a recovery. */
function hasPairs(scenario: Scenario, thorough: boolean): boolean {
  if (!isRestore(scenario)) return false;
  const { work, mode, transfer } = scenario;
  return thorough || (mode === 'vcenter' && (transfer === 'file' || work === 'restore to existing'));
}

/** The pairs at a changing call: the recovery held at each of so many calls. */
export function planPairs(scenario: Scenario, when: When, calls: number): PlannedOthers[] {
  return Array.from({ length: calls }, (_, n) => planned(scenario, { kind: 'recover held', when, nth: n + 1 }));
}

/** One pair at random. */
export function planPair(recorded: readonly Recorded[], random: Random): PlannedOthers {
  const { scenario, recording } = random.pick(recorded.filter((one) => hasPairs(one.scenario, true)));
  const site = random.pick(recording.sites.filter(({ method }) => isMutation(method)));
  return planned(scenario, {
    kind: 'recover held',
    when: { site, phase: 'before' },
    nth: 1 + random.below(longestRecovery),
  });
}

/** About how many calls a recovery makes that has something to do. */
const longestRecovery = 30;

function isComplete({ mode, transfer, work }: Scenario): boolean {
  return mode === 'vcenter' && transfer === 'file' && !work.includes('larger');
}

function planned(scenario: Scenario, others: OthersCase): PlannedOthers {
  return {
    scenario,
    column: columnOf(others),
    name: describeOthers(nameOf(scenario), others),
    job: { type: 'others', scenario, others },
  };
}
