import { open } from 'node:fs/promises';
import type { DiskSink } from '../nfc/receive-disk.js';
import { writeAll } from '../stream/write-all.js';

/** Opens a file to be written from its beginning. */
export async function openFileSink(path: string): Promise<DiskSink> {
  const handle = await open(path, 'r+');
  let position = 0;
  return {
    async write(chunk) {
      await writeAll(handle, chunk, position);
      position += chunk.length;
    },
    isDoneWithChunks: true,
    close: () => handle.close(),
    // Who did not close it knows that not all is there.
    [Symbol.asyncDispose]: () => handle.close().catch(() => undefined),
  };
}
