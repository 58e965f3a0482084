import type { Fleet, FleetJob } from '../fleet/index.js';
import type { Outcome } from './exit-codes.js';
import { outcomeOf, outcomeOfRecovery } from './exit-codes.js';
import type { Run } from './perform.js';

/** What a job is, for people. */
export function describeJob({ id, state, kind, vcenter, attempts, error, enqueuedAt, endedAt }: FleetJob): string[] {
  return [
    `job      ${id}`,
    `what     ${kind} at ${vcenter}`,
    `state    ${state}${attempts > 1 ? `, after ${attempts} tries` : ''}`,
    `added    ${enqueuedAt}`,
    ...(endedAt === undefined ? [] : [`ended    ${endedAt}`]),
    ...(error === undefined ? [] : [`error    ${error.code}: ${error.message}`]),
  ];
}

/** Waits for a job's end, and says what it came to. The job goes on when the wait is given up. */
export async function waitForJob(fleet: Fleet, id: string, { signal, output }: Run): Promise<Outcome> {
  let last: FleetJob | undefined;
  for await (const job of fleet.watch(id, { signal })) {
    last = job;
    if (job.progress !== undefined) output.progress.show(job.progress);
  }
  if (last === undefined) throw new Error(`there is no job ${id}, or none any more`);
  output.result(last, describeJob(last));
  const { state, result, error } = last;
  if (state === 'done')
    return result !== undefined && 'restores' in result ? outcomeOfRecovery(result.restores) : 'done';
  return error === undefined ? 'failed' : outcomeOf(error);
}
