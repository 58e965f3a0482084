import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** What tells a process from every other that has, or had, its number. Only Linux says all of it. */
export interface Incarnation {
  /** A digest of the boot's id and the PID namespace: what process numbers are counted in. */
  readonly numberSpace: string;
  /** When the process was started, in clock ticks since the boot. */
  readonly startTicks: string;
}

const startTimeField = 22;

/** What this process is; `undefined` where the system does not say. */
export function thisIncarnation(): Incarnation | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Every container has a process 1: the namespace tells them apart.
    const namespace = readlinkSync('/proc/self/ns/pid');
    const startTicks = startTicksOf('self');
    if (bootId === '' || startTicks === undefined) return undefined;
    const numberSpace = createHash('sha256').update(`${bootId} ${namespace}`).digest('hex').slice(0, 12);
    return { numberSpace, startTicks };
  } catch {
    return undefined;
  }
}

/** When a process of this number space was started; `undefined` where it is not there, or may not be seen. */
export function startTicksOf(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name is in parentheses and may hold anything, blanks and parentheses too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not asked yet.
    return fields[0] === 'Z' ? 'ended' : fields[startTimeField - 3];
  } catch {
    return undefined;
  }
}
