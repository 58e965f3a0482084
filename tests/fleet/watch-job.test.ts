import { expect, jest, test } from '@jest/globals';
import type { FleetJob } from '../../src/fleet/index.js';
import type { JobEvents } from '../../src/fleet/job-events.js';
import type { Queues } from '../../src/fleet/queues.js';
import { watchJob } from '../../src/fleet/watch-job.js';
import { StoreError } from '../../src/index.js';

const waiting = { id: 'vcenter1.example~recover-1', state: 'waiting' } as FleetJob;

/** Watches a job by these looks at it. */
async function watch(look: jest.Mock<Queues['look']>, tell: (change: () => void) => void): Promise<FleetJob[]> {
  const queues = { options: { lockMs: 20 }, look } as unknown as Queues;
  const events: Pick<JobEvents, 'onChange'> = {
    onChange(_queueId, change) {
      tell(change);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const seen: FleetJob[] = [];
  const address = { vcenter: 'vcenter1.example', queueId: 'recover-1' };
  for await (const job of watchJob(queues, events as JobEvents, address, undefined)) seen.push(job);
  return seen;
}

test('a job is looked at by the clock as well; a Redis that is away then is waited out, and what is the same is not told twice', async () => {
  const look = jest
    .fn<Queues['look']>()
    .mockResolvedValueOnce(waiting)
    .mockResolvedValueOnce({ ...waiting })
    .mockRejectedValueOnce(new StoreError('connection', 'Redis is away'))
    .mockResolvedValueOnce({ ...waiting, state: 'done' });
  expect(await watch(look, () => undefined)).toEqual([waiting, { ...waiting, state: 'done' }]);
});

test('whoever is told of a change is told as well that Redis is away', async () => {
  let change = (): void => undefined;
  const look = jest
    .fn<Queues['look']>()
    .mockImplementationOnce(() => {
      change();
      return Promise.resolve(waiting);
    })
    .mockRejectedValueOnce(new StoreError('connection', 'Redis is away'));
  await expect(watch(look, (given) => (change = given))).rejects.toMatchObject({ code: 'STORE_FAILED' });
});
