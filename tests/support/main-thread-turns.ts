import { existsSync, readFileSync } from 'node:fs';

/** The main thread's own; Linux has it. */
const statistics = `/proc/self/task/${process.pid}/schedstat`;

/** Whether turns can be measured here. */
export const hasTurns = existsSync(statistics);

/** CPU time the main thread has used, in milliseconds. Not wall time: that of a busy machine is nobody's fault. */
function mainThreadCpuMs(): number {
  return Number(readFileSync(statistics, 'latin1').split(' ')[0]) / 1e6;
}

/**
 * Measures turns of the event loop while something works. Work that awaits only what is there already stays in one turn,
 * as much as work that does not wait at all.
 *
 * @returns what the work comes to, and how much CPU time the main thread spent in its longest turn, in milliseconds
 */
export async function longestTurn<T>(work: () => Promise<T>): Promise<{ result: T; turnMs: number }> {
  let last = mainThreadCpuMs();
  let turnMs = 0;
  let next: NodeJS.Immediate;
  const look = (): void => {
    const now = mainThreadCpuMs();
    turnMs = Math.max(turnMs, now - last);
    last = mainThreadCpuMs();
    next = setImmediate(look);
  };
  next = setImmediate(look);
  try {
    const result = await work();
    await new Promise((resolve) => setImmediate(resolve));
    look();
    return { result, turnMs };
  } finally {
    clearImmediate(next);
  }
}
