/** A process that runs the schedules whose seeds it is sent. */
import { answerJobs } from '../../support/answer-jobs.js';
import { nothingYet, runSchedule, type Tally } from './run-schedule.js';

/** One schedule. */
export interface ScheduleJob {
  readonly type: 'schedule';
  readonly seed: number;
}

/** What happened in it. */
export interface ScheduleResults {
  readonly schedule: Tally;
}

answerJobs(async ({ seed }: ScheduleJob) => {
  const tally: Tally = { ...nothingYet };
  await runSchedule(seed, tally);
  return tally;
});

// Nobody waits for it any more: also not for one that hangs.
process.on('disconnect', () => process.exit());
