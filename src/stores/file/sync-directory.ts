import { open } from 'node:fs/promises';
import { hasErrno } from '../../errors/errno.js';

/** Makes the directory's entries durable: a file's own sync does not cover its name. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows has no such call; its file systems journal names.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot, and write names through.
    if (!hasErrno(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    await handle.close();
  }
}
