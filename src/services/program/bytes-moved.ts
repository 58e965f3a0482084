import { readFile } from 'node:fs/promises';

/** What the system counts of a process's reading and writing, as text that changes with it; undefined where it does not tell. */
export async function bytesMoved(pid: number | undefined): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  try {
    return await readFile(`/proc/${pid}/io`, 'utf8');
  } catch {
    // Another system than Linux, or the process has ended.
    return undefined;
  }
}
