import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import type { JobRequest, Scheduling } from '../../fleet/index.js';
import { vcenterOf } from '../connection.js';
import { withExamples } from '../examples.js';
import type { Outcome } from '../exit-codes.js';
import { type FleetConnectionOptions, openFleet, withFleet } from '../fleet-connection.js';
import { waitForJob } from '../job-lines.js';
import { positiveInteger, positiveNumber } from '../parsers.js';
import { perform, type Run } from '../perform.js';
import { retentionOf, type RetentionOptions, withRetention } from '../retention-options.js';
import { UsageError } from '../usage-error.js';
import {
  type BackupOptions,
  storedBackupOf,
  volumeOf,
  type VolumeOptions,
  withBackup,
  withVolumeOnly,
} from '../volume-options.js';

interface JobOptions extends FleetConnectionOptions {
  readonly vcenter?: string;
  readonly requestId?: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly cron?: string;
  readonly timezone?: string;
  readonly wait?: boolean;
}

export function enqueueCommand(): Command {
  return new Command('enqueue')
    .description("add a job to a fleet's queue; twice the same is one job")
    .addCommand(backupJob())
    .addCommand(restoreJob())
    .addCommand(verifyJob())
    .addCommand(recoverJob())
    .addCommand(retentionJob());
}

const volume = '--volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21';
const place = '--redis redis://127.0.0.1:6379 --vcenter vcenter.example';

function backupJob(): Command {
  const command = withVolumeOnly(withJob(new Command('backup')))
    .description('back up a volume')
    .option('--backup <id>', "the backup's id; by --cron each run has its own");
  return withExamples(
    command,
    `vmdk-driver enqueue backup ${place} ${volume} --size 1 --backup before-upgrade`,
    `vmdk-driver enqueue backup ${place} ${volume} --size 1 --cron '0 2 * * *' --timezone Europe/Berlin`,
  ).action(
    perform(async (run, options: JobOptions & VolumeOptions & { readonly backup?: string }) =>
      enqueue(run, options, {
        kind: 'backup',
        vcenter: vcenterOf(options),
        volume: volumeOf(options),
        ...(options.backup !== undefined && { backup: { id: options.backup } }),
      }),
    ),
  );
}

function restoreJob(): Command {
  const command = withBackup(withVolumeOnly(withJob(new Command('restore'))))
    .description('restore a backup into a volume')
    .option('--source-volume <id>', 'the volume the backup was taken of (default: that of --manifest, or --volume)');
  return withExamples(
    command,
    `vmdk-driver enqueue restore ${place} ${volume} --size 1 --backup before-upgrade`,
  ).action(
    perform(async (run, options: JobOptions & VolumeOptions & Omit<BackupOptions, 'volume'>) =>
      enqueue(run, options, {
        kind: 'restore',
        vcenter: vcenterOf(options),
        volume: volumeOf(options),
        ...(await storedBackupOf(options)),
      }),
    ),
  );
}

function verifyJob(): Command {
  const command = withBackup(withJob(new Command('verify')))
    .description('read a stored backup to its end and check all of it')
    .option('--volume <id>', 'the volume the backup was taken of (default: that of --manifest)');
  return withExamples(command, `vmdk-driver enqueue verify ${place} ${volume} --backup before-upgrade`).action(
    perform(async (run, options: JobOptions & BackupOptions) =>
      enqueue(run, options, { kind: 'verify', vcenter: vcenterOf(options), ...(await storedBackupOf(options)) }),
    ),
  );
}

function recoverJob(): Command {
  const command = withJob(new Command('recover')).description('end what dead processes left');
  return withExamples(command, `vmdk-driver enqueue recover ${place} --cron '*/15 * * * *'`).action(
    perform(async (run, options: JobOptions) =>
      enqueue(run, options, { kind: 'recover', vcenter: vcenterOf(options) }),
    ),
  );
}

function retentionJob(): Command {
  const command = withRetention(withJob(new Command('retention'))).description(
    'delete the backups of a repository that no rule keeps',
  );
  return withExamples(
    command,
    `vmdk-driver enqueue retention ${place} --daily 7 --weekly 4 --cron '30 6 * * *'`,
  ).action(
    perform(async (run, options: JobOptions & RetentionOptions) => {
      const [policy, { volume: volumeId, dryRun }] = [retentionOf(options), options];
      return enqueue(run, options, { kind: 'retention', vcenter: vcenterOf(options), policy, volumeId, dryRun });
    }),
  );
}

function withJob(command: Command): Command {
  return withFleet(command)
    .option('--vcenter <name>', "what the workers call the vCenter (default: the host's name in GOVC_URL)")
    .option(
      '--request-id <id>',
      'jobs of one kind with the same are one (default: of the backup and the volume; of a restore and of what is verified, a new one each time)',
    )
    .option('--priority <n>', 'from 1, which goes first (default: before all that have one)', positiveInteger)
    .option('--delay <seconds>', 'how long it waits before it may begin', positiveNumber)
    .option('--cron <pattern>', "do it by the clock: '0 2 * * *' is each night at two")
    .option('--timezone <name>', "the pattern's, such as Europe/Berlin (default: UTC)")
    .option('--wait', 'wait for its end, and end as it did');
}

async function enqueue(run: Run, options: JobOptions, request: JobRequest): Promise<Outcome> {
  const { priority, delay, cron: pattern, timezone, wait } = options;
  if (wait === true && pattern !== undefined) throw new UsageError('--wait is for one job: --cron makes many');
  // Whoever types it means now, also where the same was done last week.
  const isMeantNow = (request.kind === 'restore' || request.kind === 'verify') && pattern === undefined;
  const scheduling: Scheduling = {
    requestId: options.requestId ?? (isMeantNow ? randomUUID() : undefined),
    priority,
    ...(delay !== undefined && { delayMs: Math.round(delay * 1000) }),
    ...(pattern !== undefined && { cron: { pattern, timezone } }),
  };
  await using fleet = await openFleet(options, run);
  const id = await fleet.enqueue({ ...request, ...scheduling });
  if (wait === true) return await waitForJob(fleet, id, run);
  run.output.result({ id }, [id]);
  return 'done';
}
