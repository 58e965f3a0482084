/** A process that runs the schedules whose seeds it is sent. */
import { inspect } from 'node:util';
import { nothingYet, runSchedule, type Tally } from './run-schedule.js';

/** What became of a schedule. */
export interface Done {
  readonly tally: Tally;
  readonly error?: string;
}

process.on('message', (seed: number) => {
  const tally: Tally = { ...nothingYet };
  runSchedule(seed, tally).then(
    () => process.send?.({ tally } satisfies Done),
    (error: unknown) => process.send?.({ tally, error: inspect(error) } satisfies Done),
  );
});
