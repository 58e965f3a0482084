import { Command, Option } from 'commander';
import type { Cancellation, FleetJob, JobState } from '../../fleet/index.js';
import { table } from '../describe.js';
import { withExamples } from '../examples.js';
import { type FleetConnectionOptions, openFleet, withFleet } from '../fleet-connection.js';
import { describeJob, waitForJob } from '../job-lines.js';
import { perform } from '../perform.js';

const states: readonly JobState[] = ['waiting', 'delayed', 'running', 'done', 'failed', 'cancelled'];
const redis = '--redis redis://127.0.0.1:6379';
const id = 'vcenter.example~backup-d4431c5c09e51f457d70cdae39291b10';

export function jobsCommand(): Command {
  return new Command('jobs')
    .description("look after a fleet's jobs")
    .addCommand(listJobs(), { isDefault: true })
    .addCommand(showJob())
    .addCommand(cancelJob())
    .addCommand(retryJob());
}

interface ListOptions extends FleetConnectionOptions {
  readonly vcenter?: string;
  readonly state?: JobState;
}

function listJobs(): Command {
  const command = withFleet(new Command('list'))
    .description('list them: those that run, that wait, that failed, and those that are done')
    .option('--vcenter <name>', 'only those of this vCenter')
    .addOption(new Option('--state <state>', 'only those in this state').choices(states));
  return withExamples(
    command,
    `vmdk-driver jobs list ${redis}`,
    `vmdk-driver jobs list ${redis} --state failed --json`,
  ).action(
    perform(async (run, options: ListOptions) => {
      await using fleet = await openFleet(options, run);
      const { vcenter, state } = options;
      const jobs: FleetJob[] = [];
      for await (const job of fleet.jobs({ vcenter, ...(state && { states: [state] }) })) {
        run.signal.throwIfAborted();
        jobs.push(job);
      }
      const row = ({ state, attempts, enqueuedAt, id, error }: FleetJob): string[] => [
        state,
        attempts.toString(),
        enqueuedAt.replace(/\.\d+Z$/, 'Z'),
        id,
        error?.code ?? '',
      ];
      run.output.result(
        { jobs },
        jobs.length === 0 ? ['there is none'] : table(['STATE', 'TRIES', 'ADDED', 'JOB', 'ERROR'], jobs.map(row)),
      );
      return 'done';
    }),
  );
}

function showJob(): Command {
  const command = withFleet(new Command('show'))
    .description('tell what a job is, and what it came to')
    .argument('<id>', "the job's id")
    .option('--wait', 'wait for its end, and end as it did');
  return withExamples(command, `vmdk-driver jobs show ${redis} ${id}`).action(
    perform(async (run, options: FleetConnectionOptions & { readonly wait?: boolean }, job = '') => {
      await using fleet = await openFleet(options, run);
      if (options.wait === true) return await waitForJob(fleet, job, run);
      const found = await fleet.job(job);
      if (found === undefined) throw new Error(`there is no job ${job}, or none any more`);
      run.output.result(found, describeJob(found));
      return 'done';
    }),
  );
}

const cancellations: Readonly<Record<Cancellation, string>> = {
  removed: 'removed: it had not begun',
  told: 'whoever runs it is told',
  ended: 'it had ended before',
  unknown: 'there is no such job, or none any more',
};

function cancelJob(): Command {
  const command = withFleet(new Command('cancel'))
    .description('cancel a job, whoever runs it, or a schedule')
    .argument('<id>', "the job's id, or the schedule's");
  return withExamples(command, `vmdk-driver jobs cancel ${redis} ${id}`).action(
    perform(async (run, options: FleetConnectionOptions, job = '') => {
      await using fleet = await openFleet(options, run);
      const cancellation = await fleet.cancel(job);
      run.output.result({ id: job, cancellation }, [cancellations[cancellation]]);
      return cancellation === 'unknown' ? 'failed' : 'done';
    }),
  );
}

function retryJob(): Command {
  const command = withFleet(new Command('retry'))
    .description('take a job up again that failed or was cancelled')
    .argument('<id>', "the job's id");
  return withExamples(command, `vmdk-driver jobs retry ${redis} ${id}`).action(
    perform(async (run, options: FleetConnectionOptions, job = '') => {
      await using fleet = await openFleet(options, run);
      const isTakenUp = await fleet.retry(job);
      run.output.result({ id: job, isTakenUp }, [isTakenUp ? 'it waits again' : 'it is not one that failed']);
      return 'done';
    }),
  );
}
