import { type CallSite, sitesOf } from './interruption.js';
import { judgeBackup, judgeVolume, leftovers } from './judge.js';
import { type MatrixLab, perform } from './lab.js';
import { isRestore, type Scenario } from './scenario.js';
import { Findings } from './verdict.js';

/** What a clean run did, and how long it took. */
export interface Recording {
  readonly sites: readonly CallSite[];
  readonly durationMs: number;
}

/** Runs a scenario with no interruption; where that does not succeed no other result means anything. */
export async function record(lab: MatrixLab, scenario: Scenario): Promise<Recording> {
  const subject = await lab.prepare(scenario);
  const first = lab.simulator.callCount;
  const startedAt = performance.now();
  await perform(lab.driver(scenario.transfer), subject);
  const durationMs = performance.now() - startedAt;
  const sites = sitesOf(
    lab.simulator
      .calls()
      .filter(({ index }) => index >= first)
      .map(({ method }) => method),
  );
  const findings = new Findings();
  const state = await judgeVolume(lab, subject, findings);
  const wanted = isRestore(scenario) ? 'new' : scenario.work === 'backup' ? 'old' : 'empty';
  const stored = isRestore(scenario) ? 'stored' : await judgeBackup(lab, subject, findings);
  const problems = [...findings.lost, ...findings.leaked, ...findings.untrue, ...(await leftovers(lab))];
  if (problems.length > 0 || state !== wanted || stored !== 'stored') {
    throw new Error(`a clean run ended with the ${state} disk: ${problems.join('; ')}`);
  }
  return { sites, durationMs };
}
