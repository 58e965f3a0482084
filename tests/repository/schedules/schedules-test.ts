import { expect, test } from '@jest/globals';
import { runSchedule, type Tally } from './run-schedule.js';

/** 3,000 in both halves together; `npm run test:repository:long` has 50,000. */
const schedules = Number(process.env['VMDK_DRIVER_SCHEDULES'] ?? 3000) / 2;
const firstSeed = Number(process.env['VMDK_DRIVER_SEED'] ?? 20_261_126);

/** Half of the schedules, so that two processors have something to do. */
export function testSchedules(half: 0 | 1): void {
  test(
    'whoever works at once and dies, every committed backup restores exactly and nothing is left',
    async () => {
      const tally: Tally = {
        calls: 0,
        actors: 0,
        kills: 0,
        committed: 0,
        collected: 0,
        repacked: 0,
        guarded: 0,
        lostAnswers: 0,
      };
      for (let number = 0; number < schedules; number++) {
        const seed = firstSeed + 2 * number + half;
        await runSchedule(seed, tally).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
      console.log(`${schedules} schedules: ${JSON.stringify(tally)}`);
      expect(tally.calls).toBeGreaterThanOrEqual(60 * schedules);
      expect(tally.actors).toBeGreaterThanOrEqual(3 * schedules);
      expect(tally.kills).toBeGreaterThanOrEqual(schedules);
      // What a schedule is to be good for has to happen.
      for (const happened of [tally.collected, tally.repacked, tally.guarded, tally.lostAnswers]) {
        expect(happened).toBeGreaterThan(schedules / 6);
      }
      // Each takes a quarter of a second where nobody else is at work.
    },
    schedules * 5_000,
  );
}
