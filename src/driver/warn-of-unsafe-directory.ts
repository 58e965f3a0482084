import { statSync } from 'node:fs';
import type { Logger } from '../logger.js';

/** Write permission for everybody, and the bit that keeps everybody from other people's files. */
const othersMayWrite = 0o002;
const sticky = 0o1000;

/**
 * Warns of a directory for temporary files in which anybody can put a file in the place of ours. It is not refused: containers are
 * given such directories for themselves alone.
 */
export function warnOfUnsafeDirectory(directory: string, logger: Logger): void {
  // Windows has access lists, of which the mode says nothing.
  if (process.platform === 'win32') return;
  const mode = modeOf(directory);
  if ((mode & othersMayWrite) === 0 || (mode & sticky) !== 0) return;
  logger.warn(
    { directory },
    'config.tmpDir: everybody may replace files in it: set its sticky bit (chmod +t), or take a directory of its own',
  );
}

/** Whoever makes a file in a directory that cannot be looked at says so. */
function modeOf(directory: string): number {
  try {
    return statSync(directory).mode;
  } catch {
    return 0;
  }
}
