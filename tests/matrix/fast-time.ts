import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/** How much shorter the pauses between tries are than in production. */
const factor = 25;
/** Shorter pauses are no pauses between tries: the simulator's own latency, for example. */
const shortestMs = 100;

/**
 * Shortens the pauses between tries in this process: they take most of the time of an interruption, and what is tried does
 * not depend on how long nothing is done before it. Timeouts of leases, stalls and calls are left as they are.
 */
export function shortenPauses(): void {
  const { setTimeout } = timers;
  timers.setTimeout = (delay, value, options) =>
    setTimeout(delay === undefined || delay < shortestMs ? delay : delay / factor, value, options);
  syncBuiltinESMExports();
}
