import { VimConnectionError } from '../errors/index.js';
import type { MoRef } from './schema/index.js';
import { type Backoff, waitBeforeRetry } from './session/backoff.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** The root of the API; every server's has this id. */
export const serviceInstance: MoRef<'ServiceInstance'> = { type: 'ServiceInstance', value: 'ServiceInstance' };

/** How often the server is looked at before its silence about an object is reported. */
const looks: Backoff = { tries: 3, firstDelayMs: 100, maxDelayMs: 1_000 };

/**
 * Looks at the server until it says something. A session that has ended may be answered with nothing at all instead of a
 * fault, so between two looks the session is used for a call that is refused without one: it is then renewed.
 *
 * @param look `undefined` where the server said nothing
 * @returns `undefined` where it said nothing to a session that was alive a moment before, each time
 */
export async function lookAgain<T>(
  session: VimSession,
  look: () => Promise<T | undefined>,
  { signal }: AbortableOptions,
): Promise<T | undefined> {
  for (let failures = 1; ; failures++) {
    const seen = await look();
    if (seen !== undefined || failures === looks.tries) return seen;
    await waitBeforeRetry(looks, failures, signal);
    await session.invoke('CurrentTime', serviceInstance, {}, { signal });
  }
}

/** The error for an object that the server neither shows nor says to be gone. */
export function notShown(ref: MoRef): VimConnectionError {
  return new VimConnectionError(
    `the server answers nothing about ${ref.type} ${ref.value}: it is not known whether it exists`,
    'unknown',
  );
}
