import type { CallSite, Place } from './interruption.js';
import { judgeBackup, judgeVolume, leftovers, recoverAll, waitForLeases } from './judge.js';
import { type MatrixLab, perform, type Subject } from './lab.js';
import { isRestore, type Scenario } from './scenario.js';
import { Findings, type Verdict } from './verdict.js';
import type { Victim, VictimPool } from './victim-pool.js';
import { watchVolume } from './watch.js';

/** Where the driver's process dies. */
export type CrashPoint =
  | { readonly what: 'call'; readonly site: CallSite; readonly phase: 'before' | 'after' }
  | { readonly what: 'transfer'; readonly direction: 'export' | 'import'; readonly place: Place };

export function describeCrash(point: CrashPoint): string {
  return point.what === 'call'
    ? `killed ${point.phase} ${point.site.method} #${point.site.nth}`
    : `killed at the ${point.place} of the ${point.direction}`;
}

/**
 * Has another process do a piece of work and kills it at one point; then recovers as a new driver does, and does the work
 * again.
 *
 * @returns `undefined` where the work ended before the point came
 */
export async function runCrashCase(
  lab: MatrixLab,
  victims: VictimPool,
  scenario: Scenario,
  point: CrashPoint,
): Promise<Verdict | undefined> {
  const subject = await lab.prepare(scenario);
  const victim = await victims.take();
  const findings = new Findings();
  using _watch = watchVolume(lab, subject, findings);
  const killed = await killAt(lab, victim, subject, point);
  if (!killed) return undefined;

  const report = await recoverAll(lab, findings);
  const state = await judgeVolume(lab, subject, findings);
  const completed = report.restores.some(({ outcome }) => outcome === 'completed');
  if (isRestore(scenario)) {
    const undone = report.restores.some(({ outcome }) => outcome === 'undone');
    if ((completed && state !== 'new') || (undone && state === 'new')) {
      findings.untrue.push(`recovery said ${completed ? 'completed' : 'undone'}, and the disk is the ${state} one`);
    }
  } else {
    // What a dead process left is not taken for a backup; the next one removes it.
    await judgeBackup(lab, subject, findings);
  }
  await doAgain(lab, subject, findings);
  return findings.verdict(completed ? 'completed' : state === 'new' ? 'recovered' : 'undone');
}

/** The work, once more, by a living process: the volume is as usable as ever. */
async function doAgain(lab: MatrixLab, subject: Subject, findings: Findings): Promise<void> {
  const { scenario } = subject;
  try {
    const driver = lab.driver(scenario.transfer);
    await perform(driver, subject);
    const state = await judgeVolume(lab, subject, findings);
    if (isRestore(scenario)) {
      if (state !== 'new') findings.lost.push(`the second restore left the ${state} disk`);
      const backup = { id: `again-${subject.volume.id}`, volumeId: subject.volume.id };
      await driver.backupVolume(backup, subject.volume);
      if ((await judgeBackup(lab, { backup }, findings)) !== 'stored')
        findings.lost.push('the second backup is not there');
    } else {
      if ((await judgeBackup(lab, subject, findings)) !== 'stored')
        findings.lost.push('the second backup is not there');
      const files = await lab.filesOf(subject.backup);
      if (files.length !== 2) findings.leaked.push(`files of the backup: ${files.join(', ')}`);
      await driver.restoreBackup(subject.backup, subject.volume);
    }
  } catch (error) {
    findings.lost.push(`the work cannot be done again: ${String(error)}`);
  }
  await waitForLeases(lab);
  findings.leaked.push(...(await leftovers(lab)));
}

/** @returns whether the victim died where it should */
async function killAt(lab: MatrixLab, victim: Victim, subject: Subject, point: CrashPoint): Promise<boolean> {
  const ended = victim.work({
    address: lab.address,
    transfer: subject.scenario.transfer,
    work: subject.scenario.work,
    backup: subject.backup,
    volume: subject.volume,
    manifest: subject.manifest,
  });
  const disarm = point.what === 'call' ? killAtCall(lab, victim, point) : killAtTransfer(lab, victim, subject, point);
  try {
    return (await ended) === 'killed';
  } finally {
    disarm();
    lab.simulator.clearFaults();
    await victim.kill();
  }
}

function killAtCall(lab: MatrixLab, victim: Victim, point: Extract<CrashPoint, { what: 'call' }>): () => void {
  let left = point.site.nth;
  let dead = false;
  return lab.simulator.onCall(async ({ phase, call }) => {
    if (dead || call.method !== point.site.method) return;
    if (phase === 'before') left--;
    if (left !== 0 || phase !== point.phase) return;
    dead = true;
    await victim.kill();
    // What a listener throws keeps the call from having its effect.
    if (phase === 'before') throw new Error('its caller is dead');
  });
}

/** Lets the transfer stall at the place, so that it is known to be there when the process dies. */
function killAtTransfer(
  lab: MatrixLab,
  victim: Victim,
  subject: Subject,
  { direction, place }: Extract<CrashPoint, { what: 'transfer' }>,
): () => void {
  const { simulator } = lab;
  const { streamBytes } = subject.manifest;
  const atByte = { start: 0, middle: Math.floor(streamBytes / 2), end: streamBytes - 1 }[place];
  const stall = simulator.injectTransferFault({ direction, kind: 'stall', atByte });
  let last = -1;
  const timer = setInterval(() => {
    if (!stall.fired) return;
    const bytes = simulator.leases().at(-1)?.transfers[0]?.bytes ?? 0;
    if (bytes === last) void victim.kill();
    last = bytes;
  }, 60);
  return () => clearInterval(timer);
}
