import { type RecoveryReport, VimConnectionError, VmdkDriverError } from '../../src/index.js';
import { arm, type Interruption, mayDenyALease, mustSucceed } from './interruption.js';
import {
  judgeBackup,
  judgeVolume,
  leftovers,
  openLeases,
  recoverAll,
  type VolumeState,
  waitForLeases,
} from './judge.js';
import { type MatrixLab, perform, type Subject, type WorkResult } from './lab.js';
import { isRestore, type Scenario } from './scenario.js';
import { Findings, type Verdict } from './verdict.js';
import { watchVolume } from './watch.js';

/** What became of the work as its caller sees it. */
export type Outcome = { readonly result: WorkResult } | { readonly error: unknown };

/**
 * Runs a piece of work with one interruption (or two) and looks at what it left.
 *
 * @returns `undefined` where the interruption found no moment to happen in
 */
export async function runFaultCase(
  lab: MatrixLab,
  scenario: Scenario,
  interruption: Interruption,
): Promise<Verdict | undefined> {
  const subject = await lab.prepare(scenario);
  const stalls = interruption.what === 'transfer' && interruption.kind === 'stall';
  const driver = lab.driver(scenario.transfer, { stalls });
  const findings = new Findings();
  using _watch = watchVolume(lab, subject, findings);
  let outcome: Outcome;
  {
    using armed = arm(lab.simulator, interruption, subject.manifest.streamBytes);
    outcome = await perform(driver, subject, armed.signal).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    if (!armed.fired) return undefined;
  }
  if ('error' in outcome) {
    if (!(outcome.error instanceof VmdkDriverError))
      findings.untrue.push(`not a typed error: ${String(outcome.error)}`);
    if (mustSucceed(interruption)) findings.untrue.push(`the driver gave up: ${String(outcome.error)}`);
  }
  const pending = isPending(outcome);
  if (!pending && !mayDenyALease(interruption)) findings.leaked.push(...openLeases(lab));
  await waitForLeases(lab);
  if (!pending) findings.leaked.push(...(await leftovers(lab)));
  const report = pending ? await recoverAll(lab, findings) : undefined;

  const state = await judgeVolume(lab, subject, findings);
  if (isRestore(scenario)) judgeRestore(outcome, report, state, subject, findings);
  else judgeBackupResult(outcome, state, await judgeBackup(lab, subject, findings), subject, findings);
  return findings.verdict(report !== undefined ? 'recovered' : 'result' in outcome ? 'completed' : 'undone');
}

function isPending(outcome: Outcome): boolean {
  if ('result' in outcome) return 'cleanup' in outcome.result && outcome.result.cleanup === 'pending';
  return outcome.error instanceof VmdkDriverError && outcome.error.cleanup === 'pending';
}

function isInDoubt(error: unknown): boolean {
  return error instanceof VimConnectionError && error.message.includes('it is not known whether the volume has');
}

function judgeRestore(
  outcome: Outcome,
  report: RecoveryReport | undefined,
  state: VolumeState,
  { before }: Subject,
  findings: Findings,
): void {
  if (state === 'broken') return;
  const isNew = state === 'new';
  if ('result' in outcome && !isNew) findings.untrue.push(`resolved, and the volume's disk is the ${state} one`);
  if (!('error' in outcome)) return;
  // A failed restore left the volume as it was; unless the server was out of reach, when recovery says which it is. A new volume
  // that was published has nothing to recover any more: then the error says that it may be restored.
  if (isNew && report?.restores.length === 0 && isInDoubt(outcome.error) && before === undefined) return;
  const completed = report?.restores.some((restore) => restore.outcome === 'completed') === true;
  if (isNew !== completed) {
    findings.untrue.push(
      `rejected (recovery: ${report?.restores[0]?.outcome ?? 'none'}), and the disk is the ${state} one`,
    );
  }
}

function judgeBackupResult(
  outcome: Outcome,
  state: VolumeState,
  stored: 'stored' | 'none' | 'partial',
  { scenario, manifest }: Subject,
  findings: Findings,
): void {
  if ('error' in outcome) {
    if (stored !== 'none') findings.leaked.push(`rejected, and the service has the backup: ${stored}`);
    return;
  }
  if (stored !== 'stored') findings.untrue.push(`resolved, and the backup is ${stored}`);
  if (state === 'none') findings.untrue.push('resolved, and the volume has no backing');
  const { sha256 } = outcome.result;
  if (scenario.work === 'backup' && sha256 !== manifest.sha256) {
    findings.untrue.push("the backup is not of the volume's content");
  }
}
