import { isDeepStrictEqual } from 'node:util';
import { AbortError, throwIfAborted } from '../index.js';
import { type FleetJob, hasEnded } from './fleet-job.js';
import type { JobEvents } from './job-events.js';
import type { JobAddress } from './job-id.js';
import type { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';

/**
 * A job as it is now, and again whenever something of it has changed, until it has ended or is no more. It is looked at by the clock as
 * well: of what Redis has lost, nothing is told.
 */
export async function* watchJob(
  queues: Queues,
  events: JobEvents,
  address: JobAddress,
  signal: AbortSignal | undefined,
): AsyncGenerator<FleetJob, void, undefined> {
  let hasChanged = true;
  let last: FleetJob | undefined;
  let wake = (): void => undefined;
  const note = (): void => {
    hasChanged = true;
    wake();
  };
  using _listening = events.onChange(address.queueId, note);
  const onAbort = (): void => {
    wake();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      throwIfAborted(signal);
      if (!hasChanged) {
        const waiting = new Promise<void>((resolve) => (wake = resolve));
        const timer = setTimeout(wake, queues.options.lockMs / 2);
        await waiting;
        clearTimeout(timer);
      }
      if (signal?.aborted === true) throw new AbortError(signal);
      const wasTold = hasChanged;
      hasChanged = false;
      let job: FleetJob | undefined;
      try {
        job = await onRedis(() => queues.look(address));
      } catch (error) {
        // That Redis is away is waited out by who was told of nothing.
        if (wasTold) throw error;
        continue;
      }
      if (job === undefined) return;
      if (isDeepStrictEqual(job, last)) continue;
      last = job;
      yield job;
      if (hasEnded(job)) return;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
