import { open, stat, truncate } from 'node:fs/promises';
import { BackupCorruptError } from '../errors/index.js';
import { chunkBytes } from './chunk-bytes.js';

/**
 * A store may give back more than it was given: Ceph pads to whole GiB. And less: a sparse restore leaves zeros out at the
 * end. Both are put right where only zeros are concerned; the SHA-256 has the last word.
 */
export async function cutPadding(path: string, streamBytes: number): Promise<void> {
  const { size } = await stat(path);
  if (size > streamBytes) await assertZeros(path, streamBytes);
  if (size !== streamBytes) await truncate(path, streamBytes);
}

async function assertZeros(path: string, from: number): Promise<void> {
  await using file = await open(path);
  const buffer = Buffer.alloc(chunkBytes);
  const zeros = Buffer.alloc(chunkBytes);
  for (let position = from; ;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    if (!buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) {
      throw new BackupCorruptError(`the restored file has more than the ${from} bytes its manifest says`);
    }
    position += bytesRead;
  }
}
