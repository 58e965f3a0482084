import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../logger.js';
import { isLeftover, removeLeftover } from './temporary-file.js';

/** What sweeping needs. */
export interface Sweep {
  readonly directory: string;
  /** The age of a file from which on it is taken for left behind where nothing tells of its process, in milliseconds. */
  readonly olderThanMs: number;
  readonly logger: Logger;
}

/**
 * Deletes the temporary files that dead processes left.
 *
 * @returns the paths of those that were deleted
 */
export async function sweepTemporaryFiles({ directory, olderThanMs, logger }: Sweep): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const swept: string[] = [];
  for (const name of names) {
    const path = join(directory, name);
    try {
      if (!(await isLeftover(directory, name, olderThanMs))) continue;
      await removeLeftover(path);
      swept.push(path);
    } catch (error) {
      // Another recovery was quicker, or it is not ours to delete.
      logger.warn({ path, err: error }, 'a temporary file could not be deleted');
    }
  }
  return swept;
}
