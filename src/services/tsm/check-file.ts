import { open } from 'node:fs/promises';
import { throwIfAborted } from '../../errors/index.js';
import { DigestedChunks } from '../../stream/digested-chunks.js';
import { FileChunks } from '../../stream/file-chunks.js';
import { checkStream } from '../check-stream.js';
import type { StoredStream } from '../record-shape.js';

/**
 * Holds a file that a program wrote against what was stored, and makes it durable.
 *
 * @throws BackupCorruptError where it holds something else
 */
export async function checkFile(
  path: string,
  stored: StoredStream,
  { isHashed, signal }: { readonly isHashed: boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const handle = await open(path, 'r');
  const chunks = new DigestedChunks(new FileChunks(handle));
  try {
    checkStream(stored, { streamBytes: (await handle.stat()).size });
    await handle.sync();
    if (!isHashed) return;
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      throwIfAborted(signal);
      chunks.release(chunk);
    }
    checkStream(stored, { streamBytes: chunks.streamBytes, sha256: chunks.digests.sha256 });
  } finally {
    await chunks.close();
  }
}
