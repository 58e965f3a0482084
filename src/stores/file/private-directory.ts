import { stat } from 'node:fs/promises';
import { hasErrno } from '../../errors/errno.js';

/** Write permission for everybody. */
const othersMayWrite = 0o002;

/**
 * Refuses a directory that everybody may write to: they could put a backup there, and without a sticky bit replace or remove ours.
 * A group may; one that does not exist yet is made for the owner only.
 */
export async function assertPrivate(path: string): Promise<void> {
  // Windows has access lists, of which the mode says nothing.
  if (process.platform === 'win32') return;
  try {
    const { mode } = await stat(path);
    if ((mode & othersMayWrite) === 0) return;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return;
    throw error;
  }
  throw new Error(`everybody may write to ${path}: take that away (chmod o-w), or choose a directory in it`);
}
