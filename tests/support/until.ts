import { setTimeout as pause } from 'node:timers/promises';

/** Waits for a condition for as long as it takes: what never comes is ended by jest, not by a busy machine. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(5);
}
