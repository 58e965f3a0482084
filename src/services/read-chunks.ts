import type { FileHandle } from 'node:fs/promises';
import { chunkBytes } from '../stream/chunk-bytes.js';

/**
 * Reads a file from its beginning to its end, one chunk ahead of the caller.
 *
 * A chunk is only valid until the next one is asked for: two buffers serve the whole file.
 */
export async function* readChunks(handle: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  let current = Buffer.allocUnsafeSlow(chunkBytes);
  let ahead = Buffer.allocUnsafeSlow(chunkBytes);
  let position = 0;
  let reading = handle.read(current, 0, chunkBytes, position);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      position += bytesRead;
      reading = handle.read(ahead, 0, chunkBytes, position);
      // Its failure is met by the next turn; until then it must not count as unhandled.
      reading.catch(() => undefined);
      yield current.subarray(0, bytesRead);
      [current, ahead] = [ahead, current];
    }
  } finally {
    // The caller closes the file next, and a read must not outlive its descriptor.
    await reading.catch(() => undefined);
  }
}
