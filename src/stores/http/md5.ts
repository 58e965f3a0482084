import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../errors/index.js';

/** Bytes hashed in one turn of the event loop: about 10 ms of it on a slow machine. */
const turnBytes = 4 * 1024 * 1024;

/** The MD5 of buffers that follow each other. It lets others have their turn meanwhile. */
export async function md5Of(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<Buffer> {
  const hash = createHash('md5');
  let inTurn = 0;
  for (const buffer of buffers) {
    for (let offset = 0; offset < buffer.length; offset += turnBytes) {
      const part = buffer.subarray(offset, offset + turnBytes);
      if (inTurn + part.length > turnBytes) {
        await setImmediate();
        throwIfAborted(signal);
        inTurn = 0;
      }
      hash.update(part);
      inTurn += part.length;
    }
  }
  return hash.digest();
}
