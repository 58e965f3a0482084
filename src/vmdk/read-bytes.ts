import { throwIfAborted } from '../errors/abort-error.js';
import { InputFile } from './input-file.js';
import { openChunks, type VmdkBytes } from './read-chunks.js';

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
 * @param field - the argument that it is
 * @throws AbortError also in the middle of a wait for the next bytes
 * @throws InvalidInputError, FileError as `openChunks`
 */
export async function openBytes(field: string, from: VmdkBytes, signal: AbortSignal | undefined): Promise<ByteSource> {
  throwIfAborted(signal);
  if (typeof from !== 'string') return copyChunks(field, from, signal);
  const file = await InputFile.open(field, from);
  let position = 0;
  return {
    length: file.length,
    read: async (target) => {
      throwIfAborted(signal);
      const bytesRead = await file.read(target, position);
      position += bytesRead;
      return bytesRead;
    },
    close: () => file.close(),
  };
}

async function copyChunks(
  field: string,
  from: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  const source = await openChunks(field, from, signal);
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
