import { AbortError, throwIfAborted } from '../index.js';
import { type FleetJob, hasEnded } from './fleet-job.js';
import type { JobEvents } from './job-events.js';
import type { JobAddress } from './job-id.js';
import type { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';

/** A job as it is now, and again whenever something of it has changed, until it has ended or is no more. */
export async function* watchJob(
  queues: Queues,
  events: JobEvents,
  address: JobAddress,
  signal: AbortSignal | undefined,
): AsyncGenerator<FleetJob, void, undefined> {
  let hasChanged = true;
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
      if (!hasChanged) await new Promise<void>((resolve) => (wake = resolve));
      if (signal?.aborted === true) throw new AbortError(signal);
      hasChanged = false;
      const job = await onRedis(() => queues.look(address));
      if (job === undefined) return;
      yield job;
      if (hasEnded(job)) return;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
