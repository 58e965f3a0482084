import { open } from 'node:fs/promises';
import { throwIfAborted } from '../errors/abort-error.js';
import { openChunks } from './read-chunks.js';

/** A stream that is read into memory of the reader's, and its length where that is known beforehand. */
export interface ByteSource {
  readonly length: number | undefined;
  /** Reads what comes next, at most as much as there is room for. Returns the number of bytes, 0 at the end. */
  read(target: Buffer): Promise<number>;
  /** Lets go of it. Never throws. */
  close(): Promise<void>;
}

/**
 * Opens what a VMDK is read from, for a reader who needs its bytes in memory of his own: a file's are not copied then.
 *
 * @throws AbortError also in the middle of a wait for the next bytes
 */
export async function openBytes(
  from: string | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  throwIfAborted(signal);
  if (typeof from !== 'string') return copyChunks(from, signal);
  const handle = await open(from, 'r');
  return {
    length: (await handle.stat()).size,
    read: async (target) => {
      throwIfAborted(signal);
      return (await handle.read(target, 0, target.length, null)).bytesRead;
    },
    close: () => handle.close().catch(() => undefined),
  };
}

async function copyChunks(from: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<ByteSource> {
  const source = await openChunks(from, signal);
  const iterator = source.chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    length: undefined,
    read: async (target) => {
      while (rest.length === 0) {
        const next = await iterator.next();
        if (next.done === true) return 0;
        rest = next.value;
      }
      const taken = rest.subarray(0, target.length);
      target.set(taken);
      rest = rest.subarray(taken.length);
      return taken.length;
    },
    close: async () => {
      await iterator.return?.();
      await source.close();
    },
  };
}
