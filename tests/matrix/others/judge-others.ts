import { type RecoveryReport, VmdkDriverError } from '../../../src/index.js';
import type { VolumeState } from '../judge.js';
import type { Subject, WorkResult } from '../lab.js';
import type { Findings } from '../verdict.js';
import type { MachineResult, RemoteError } from './machine-messages.js';

/** What became of the work as its caller sees it. */
export type Ended = { readonly result: WorkResult } | { readonly error: unknown };

/** Judges what was said of a restore beside which no other one worked. */
export function judgeAlone(outcome: Ended, report: RecoveryReport, state: VolumeState, findings: Findings): void {
  if (state === 'broken') return;
  const isNew = state === 'new';
  const lie = liar(findings, state);
  if ('result' in outcome) {
    if (!isNew) lie('resolved');
  } else {
    const error = typed(outcome.error, findings);
    // Where it could not find out it says so, and the next recovery tells.
    const found = error?.cleanup === 'pending' && said(report, 'completed');
    if (isNew && !found) lie('rejected');
  }
  if (said(report, 'completed') && !isNew) lie('recovery said completed');
  if (said(report, 'undone') && isNew) lie('recovery said undone');
}

/** Judges a restore beside which another machine recovered. */
export function judgeWithRecovery(
  outcome: Ended,
  recovered: MachineResult | undefined,
  report: RecoveryReport,
  state: VolumeState,
  findings: Findings,
): void {
  judgeAlone(outcome, report, state, findings);
  if (recovered === undefined) {
    findings.untrue.push("recovery on the other machine came to no end: it waits for somebody else's work");
    return;
  }
  if ('error' in recovered) findings.untrue.push(`recovery on the other machine failed: ${describe(recovered.error)}`);
  if (!('restores' in recovered) || state === 'broken') return;
  const lie = liar(findings, state);
  for (const { outcome: said, error } of recovered.restores) {
    if (said === 'completed' && state !== 'new') lie('recovery on the other machine said completed');
    if (said === 'undone' && state === 'new') lie('recovery on the other machine said undone');
    if (said === 'failed') findings.untrue.push(`recovery on the other machine failed: ${describe(error)}`);
  }
}

/** Judges two restores of one volume at the same time. */
export function judgeSecondRestore(
  outcome: Ended,
  second: MachineResult | undefined,
  report: RecoveryReport,
  state: VolumeState,
  findings: Findings,
): void {
  if (second === undefined) {
    findings.untrue.push('the other machine waits for the restore that stands still');
    return;
  }
  const first = 'result' in outcome ? undefined : typed(outcome.error, findings);
  const firstDone = 'result' in outcome;
  const secondDone = !('error' in second);
  for (const [who, error] of [
    ['the first', first],
    ['the second', 'error' in second ? second.error : undefined],
  ] as const) {
    if (error !== undefined && !error.retryable)
      findings.untrue.push(`${who} must not be tried again: ${describe(error)}`);
  }
  if (state === 'broken') return;
  const lie = liar(findings, state);
  const found = said(report, 'completed');
  if (state === 'new' && !firstDone && !found) lie('the first rejected');
  if (state === 'other' && !secondDone && !found) lie('the second rejected');
  if (state !== 'new' && firstDone && !secondDone) lie('the first resolved, and the second did not');
  if (state !== 'other' && secondDone && !firstDone) lie('the second resolved, and the first did not');
  if (state !== 'new' && state !== 'other' && (firstDone || secondDone)) lie('one of them resolved');
}

/** Judges a backup. */
export function judgeBackupAlone(
  outcome: Ended,
  state: VolumeState,
  { scenario, manifest }: Subject,
  findings: Findings,
): void {
  if ('error' in outcome) {
    typed(outcome.error, findings);
    return;
  }
  const { result } = outcome;
  if (state === 'none') findings.untrue.push('resolved, and the volume has no backing');
  if (scenario.work === 'backup' && 'sha256' in result && result.sha256 !== manifest.sha256) {
    findings.untrue.push("the backup is not of the volume's content");
  }
}

function said({ restores }: RecoveryReport, what: string): boolean {
  return restores.some(({ outcome }) => outcome === what);
}

function liar({ untrue }: Findings, state: VolumeState): (what: string) => void {
  return (what) => void untrue.push(`${what}, and the volume's disk is the ${state} one`);
}

function typed(error: unknown, findings: Findings): VmdkDriverError | undefined {
  if (error instanceof VmdkDriverError) return error;
  findings.untrue.push(`not a typed error: ${String(error)}`);
  return undefined;
}

function describe(error: RemoteError | VmdkDriverError | undefined): string {
  return error === undefined ? '?' : `${error.code ?? 'untyped'}: ${error.message}`;
}
