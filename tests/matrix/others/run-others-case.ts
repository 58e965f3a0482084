import { type RecoveryReport, VmdkDriverError } from '../../../src/index.js';
import { judgeVolume, leftovers, recoverAll, waitForLeases } from '../judge.js';
import { type MatrixLab, perform, type Subject } from '../lab.js';
import { isRestore, type Scenario } from '../scenario.js';
import { Findings, type Verdict } from '../verdict.js';
import { watchVolume } from '../watch.js';
import { afterwards, happen, type Happening, type Ongoing } from './happening.js';
import { actorOf, atMoment, hold, isPlanned } from './hold.js';
import { type Ended, judgeAlone, judgeBackupAlone, judgeSecondRestore, judgeWithRecovery } from './judge-others.js';
import type { MachineResult } from './machine-messages.js';
import type { OtherMachine } from './other-machine.js';
import type { OthersCase, When } from './others-case.js';

/** What a case showed, and how many calls the other machine made. */
export interface OthersVerdict {
  readonly verdict: Verdict;
  readonly otherCalls: number;
}

/**
 * Runs a piece of work while somebody else does something, and looks at what that left.
 *
 * @returns `undefined` where the moment did not come
 */
export async function runOthersCase(
  lab: MatrixLab,
  machine: OtherMachine,
  scenario: Scenario,
  one: OthersCase,
): Promise<OthersVerdict | undefined> {
  const subject = await prepare(lab, scenario, one);
  const findings = new Findings();
  switch (one.kind) {
    case 'recover':
    case 'recover held':
      return withRecovery(lab, machine, subject, one, findings);
    case 'second restore':
      return withSecondRestore(lab, machine, subject, one.when, findings);
    case 'happening':
      return withHappening(lab, subject, one.when, one.happening, findings);
    case 'late':
      return withLateCall(lab, subject, one, findings);
    case 'session':
      return withEndedSession(lab, subject, one, findings);
  }
}

async function prepare(lab: MatrixLab, scenario: Scenario, { kind }: OthersCase): Promise<Subject> {
  const subject = await lab.prepare(scenario);
  const { before } = subject;
  // Who finds nothing by the volume's id must not find it by its name either.
  if (before === undefined || kind !== 'session') return subject;
  await lab.simulator.administrator.changeVm(before.ref.value, { name: `renamed-${subject.volume.id}` });
  return { ...subject, before: lab.simulator.vm(before.ref.value) };
}

async function withRecovery(
  lab: MatrixLab,
  machine: OtherMachine,
  subject: Subject,
  one: Extract<OthersCase, { kind: `recover${string}` }>,
  findings: Findings,
): Promise<OthersVerdict | undefined> {
  using _watch = watchVolume(lab, subject, findings);
  using first = hold(lab, { actor: 'first', call: one.when.site, phase: one.when.phase });
  const work = ended(lab, subject);
  if ((await Promise.race([first.reached, work])) !== 'reached') return undefined;

  const calls = countCalls(lab);
  let recovery: Promise<MachineResult | undefined>;
  if (one.kind === 'recover held') {
    using other = hold(lab, { actor: 'other', call: one.nth, phase: 'before' });
    recovery = machine.run({ what: 'recover', address: lab.otherAddress });
    if ((await Promise.race([other.reached, recovery])) !== 'reached') {
      first.letGo();
      await work;
      return undefined;
    }
    first.letGo();
    await work;
  } else {
    recovery = machine.run({ what: 'recover', address: lab.otherAddress });
    await recovery;
    first.letGo();
  }
  const [outcome, recovered] = [await work, await recovery];
  const otherCalls = calls();
  await waitForLeases(lab);
  await expectNothingLeftUnlessSaid(lab, outcome, findings);
  const report = await recoverAll(lab, findings);
  const state = await judgeVolume(lab, subject, findings);
  judgeWithRecovery(outcome, recovered, report, state, findings);
  return { verdict: findings.verdict(endingOf(outcome)), otherCalls };
}

async function withSecondRestore(
  lab: MatrixLab,
  machine: OtherMachine,
  subject: Subject,
  { site, phase }: When,
  findings: Findings,
): Promise<OthersVerdict | undefined> {
  using _watch = watchVolume(lab, subject, findings);
  using first = hold(lab, { actor: 'first', call: site, phase });
  const work = ended(lab, subject);
  if ((await Promise.race([first.reached, work])) !== 'reached') return undefined;
  const calls = countCalls(lab);
  const { backup, manifest } = lab.otherSource;
  const { volume, scenario } = subject;
  const address = lab.otherAddress;
  const second = await machine.run({ what: 'restore', address, transfer: scenario.transfer, backup, volume, manifest });
  first.letGo();
  const outcome = await work;
  const otherCalls = calls();
  await waitForLeases(lab);
  const report = await recoverAll(lab, findings);
  const state = await judgeVolume(lab, subject, findings);
  judgeSecondRestore(outcome, second, report, state, findings);
  return { verdict: findings.verdict(endingOf(outcome)), otherCalls };
}

async function withHappening(
  lab: MatrixLab,
  subject: Subject,
  { site, phase }: When,
  happening: Happening,
  findings: Findings,
): Promise<OthersVerdict | undefined> {
  let ongoing: Ongoing | undefined;
  const isGone = happening.startsWith('unregistered') || happening.startsWith('host gone');
  using watched = isGone ? undefined : watchVolume(lab, subject, findings);
  const begin = async (): Promise<void> => {
    ongoing ??= await unlessBusy(() => happen(lab, subject, happening));
  };
  let due = false;
  const stopWaiting = atMoment(lab, { actor: 'first', call: site, phase }, async () => {
    due = true;
    await begin();
  });
  // What a server refuses at that moment it lets happen a little later.
  const stopGoingOn = lab.simulator.onCall(async ({ phase: at }) => {
    if (!due || at !== 'before') return;
    if (ongoing === undefined) await begin();
    else await unlessBusy(ongoing.goOn);
  });
  const outcome = await ended(lab, subject);
  stopWaiting();
  stopGoingOn();
  if (ongoing === undefined) return undefined;
  await waitForLeases(lab);
  // Nobody has a reason to take for gone what only is not here.
  const early = isGone ? await lab.driver().recover({ olderThanMs: 0 }) : undefined;
  await ongoing.finish();
  watched?.[Symbol.dispose]();
  const report = both(early, await recoverAll(lab, findings));
  // The folder a VM was moved from stays where something else was in it: nobody's any more.
  if (happening.includes('moved')) await removeFolders(lab, findings);
  findings.lost.push(...ongoing.damage());
  const kept = await isKept(lab, subject);
  await ongoing.takeBack();
  const state = await judgeVolume(lab, afterwards(lab, subject, happening), findings);
  judgeAlone(outcome, report, state, findings);
  if (happening === 'attached elsewhere' && kept !== saysKept(outcome)) {
    findings.untrue.push(kept ? 'the old file was kept, and not said to be' : 'the old file was said to be kept');
  }
  return { verdict: findings.verdict(endingOf(outcome)), otherCalls: 0 };
}

async function withEndedSession(
  lab: MatrixLab,
  subject: Subject,
  { when, how }: Extract<OthersCase, { kind: 'session' }>,
  findings: Findings,
): Promise<OthersVerdict | undefined> {
  using _watch = watchVolume(lab, subject, findings);
  const injected = lab.simulator.injectFault({ ...when.site, when: when.phase, kind: how });
  const outcome = await ended(lab, subject);
  injected.remove();
  if (!injected.fired) return undefined;
  await waitForLeases(lab);
  await expectNothingLeftUnlessSaid(lab, outcome, findings);
  const report = await recoverAll(lab, findings);
  const state = await judgeVolume(lab, subject, findings);
  // A session that ended is no reason to give up.
  if ('error' in outcome) findings.untrue.push(`the driver gave up: ${String(outcome.error)}`);
  if (isRestore(subject.scenario)) judgeAlone(outcome, report, state, findings);
  else judgeBackupAlone(outcome, state, subject, findings);
  return { verdict: findings.verdict(endingOf(outcome)), otherCalls: 0 };
}

async function withLateCall(
  lab: MatrixLab,
  subject: Subject,
  { when, arrives }: Extract<OthersCase, { kind: 'late' }>,
  findings: Findings,
): Promise<OthersVerdict | undefined> {
  using _watch = watchVolume(lab, subject, findings);
  const late = lab.simulator.injectFault({ ...when.site, kind: 'late' });
  let left = typeof arrives === 'number' ? arrives : Number.POSITIVE_INFINITY;
  const stop = lab.simulator.onCall(async ({ phase }) => {
    if (late.fired && phase === 'before' && left-- === 0) await late.deliver();
  });
  const outcome = await ended(lab, subject);
  stop();
  late.remove();
  if (!late.fired) return undefined;
  let early: RecoveryReport | undefined;
  if (arrives === 'after recovery') {
    await waitForLeases(lab);
    early = await lab.driver().recover({ olderThanMs: 0 });
  }
  if (left >= 0) await late.deliver();
  const report = both(early, await recoverAll(lab, findings));
  const state = await judgeVolume(lab, subject, findings);
  judgeAlone(outcome, report, state, findings);
  return { verdict: findings.verdict(endingOf(outcome)), otherCalls: 0 };
}

/** Does the work. */
function ended(lab: MatrixLab, subject: Subject): Promise<Ended> {
  return perform(lab.driver(subject.scenario.transfer), subject).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
}

/** What two recoveries said, one after the other: what the first one ended the second one does not see. */
function both(first: RecoveryReport | undefined, second: RecoveryReport): RecoveryReport {
  return { ...second, restores: [...(first?.restores ?? []), ...second.restores] };
}

async function removeFolders({ simulator }: MatrixLab, { leaked }: Findings): Promise<void> {
  removeAll(leaked, (what) => what.startsWith('directory: '));
  const folders = simulator.leftovers().filter(({ kind }) => kind === 'directory');
  for (const { what } of folders) await simulator.administrator.deleteFile(what);
}

function removeAll(items: string[], isUnwanted: (item: string) => boolean): void {
  items.splice(0, items.length, ...items.filter((item) => !isUnwanted(item)));
}

/** How many calls the other machine makes from now on. @returns tells how many it were */
function countCalls(lab: MatrixLab): () => number {
  let count = 0;
  const stop = lab.simulator.onCall(({ phase, call }) => {
    if (phase === 'before' && actorOf(lab, call) === 'other' && isPlanned(call.method)) count++;
  });
  return () => {
    stop();
    return count;
  };
}

async function unlessBusy<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Error && error.name === 'TaskInProgress') return undefined;
    throw error;
  }
}

async function expectNothingLeftUnlessSaid(lab: MatrixLab, outcome: Ended, findings: Findings): Promise<void> {
  if (cleanupOf(outcome) === 'pending') return;
  findings.leaked.push(...(await leftovers(lab)).map((what) => `${what}, and nothing was said to be left`));
}

function cleanupOf(outcome: Ended): string | undefined {
  if ('error' in outcome) return outcome.error instanceof VmdkDriverError ? outcome.error.cleanup : undefined;
  return 'cleanup' in outcome.result ? outcome.result.cleanup : undefined;
}

/** Whether the disk that a restore replaced is still there. */
async function isKept(lab: MatrixLab, { before, volume, oldContent }: Subject): Promise<boolean> {
  const path = before?.disks[0]?.path ?? '';
  const isCurrent = lab.vmsOf(volume).some(({ disks }) => disks.some((disk) => disk.path === path));
  if (isCurrent || !lab.simulator.files().some((file) => file.path === path)) return false;
  return (await lab.simulator.diskFingerprint(path)) === oldContent;
}

function saysKept(outcome: Ended): boolean {
  return 'result' in outcome && cleanupOf(outcome) === 'kept';
}

function endingOf(outcome: Ended): Verdict['ending'] {
  if (cleanupOf(outcome) === 'pending') return 'recovered';
  return 'result' in outcome ? 'completed' : 'undone';
}
