import { createHash } from 'node:crypto';
import type { SentBytes } from './lease.js';

/** Passes a stream on and takes its checksums. */
export function hashed(source: AsyncIterable<Buffer>): { stream: AsyncGenerator<Buffer>; digest(): SentBytes } {
  const sha1 = createHash('sha1');
  const sha256 = createHash('sha256');
  let size = 0;
  async function* pass(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      sha1.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  return { stream: pass(), digest: () => ({ size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex') }) };
}
