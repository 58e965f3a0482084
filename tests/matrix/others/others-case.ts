import type { SessionEnd } from '../../../src/simulator/index.js';
import type { CallSite } from '../interruption.js';
import type { Scenario } from '../scenario.js';
import type { Happening } from './happening.js';

/** Where in the work something happens. */
export interface When {
  readonly site: CallSite;
  readonly phase: 'before' | 'after';
}

/** When a late call arrives: so many calls later, once the work has ended, or once it was recovered as well. */
export type Arrival = number | 'after the end' | 'after recovery';

/** What somebody else does while the work goes on, and when. */
export type OthersCase =
  /** Another machine recovers, to its end, while the work stands still. */
  | { readonly kind: 'recover'; readonly when: When }
  /** Another machine begins to recover while the work stands still; then it stands still at its nth call, and the work goes on to its end. */
  | { readonly kind: 'recover held'; readonly when: When; readonly nth: number }
  /** Another machine restores the same volume, to its end, while the work stands still. */
  | { readonly kind: 'second restore'; readonly when: When }
  /** A call's reply is lost, and the call takes effect later. */
  | { readonly kind: 'late'; readonly when: When; readonly arrives: Arrival }
  /** Something happens to one of the VMs. */
  | { readonly kind: 'happening'; readonly when: When; readonly happening: Happening }
  /** The session ends, and is answered as if there were nothing, or nothing to be read. */
  | { readonly kind: 'session'; readonly when: When; readonly how: Exclude<SessionEnd, 'session-expired'> };

/** Of which column of the table a case is. */
export const othersColumns = [
  'recover',
  'recover × calls',
  'moved',
  'unregistered',
  'snapshot',
  'attached',
  'empty answers',
  'late calls',
  'second restore',
] as const;
export type OthersColumn = (typeof othersColumns)[number];

export function columnOf(one: OthersCase): OthersColumn {
  switch (one.kind) {
    case 'recover':
    case 'second restore':
      return one.kind;
    case 'recover held':
      return 'recover × calls';
    case 'session':
      return 'empty answers';
    case 'late':
      return 'late calls';
    case 'happening':
      return columnOfHappening(one.happening);
  }
}

function columnOfHappening(happening: Happening): OthersColumn {
  switch (happening) {
    case 'backing moved':
    case 'backing moved and back':
    case 'temporary VM moved':
    case 'datastore renamed':
      return 'moved';
    case 'unregistered for a while':
    case 'unregistered':
    case 'host gone for a while':
      return 'unregistered';
    case 'snapshot':
      return 'snapshot';
    case 'attached elsewhere':
      return 'attached';
  }
}

export function describeOthers(scenario: string, one: OthersCase): string {
  const { site, phase } = one.when;
  const when = `${phase} ${site.method} #${site.nth}`;
  switch (one.kind) {
    case 'recover':
      return `${scenario}: another machine recovers ${when}`;
    case 'recover held':
      return `${scenario}: another machine recovers ${when}, held at its call ${one.nth}`;
    case 'second restore':
      return `${scenario}: another machine restores ${when}`;
    case 'happening':
      return `${scenario}: ${one.happening} ${when}`;
    case 'session':
      return `${scenario}: ${one.how} ${when}`;
    case 'late':
      return `${scenario}: ${site.method} #${site.nth} arrives ${typeof one.arrives === 'number' ? `${one.arrives} calls later` : one.arrives}`;
  }
}

/** A case and what it is about. */
export interface PlannedOthers {
  readonly scenario: Scenario;
  readonly column: OthersColumn;
  readonly name: string;
  readonly job: { readonly type: 'others'; readonly scenario: Scenario; readonly others: OthersCase };
}
