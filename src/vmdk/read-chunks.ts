import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AbortError, throwIfAborted } from '../errors/abort-error.js';

/** Bytes read at once from a file. */
const READ_BYTES = 2 ** 20;

/** A stream's chunks, and its length where that is known beforehand. */
export interface ChunkSource {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly length: number | undefined;
  /** Lets go of it. Never throws. */
  close(): Promise<void>;
}

/**
 * Opens what a VMDK is read from: a file, or anything that gives its bytes.
 *
 * A file's chunks lie in buffers that are used again: they are gone when the next one is asked for. The next one is
 * read meanwhile.
 *
 * @throws AbortError also in the middle of a wait for the next chunk
 */
export async function openChunks(
  from: string | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<ChunkSource> {
  throwIfAborted(signal);
  if (typeof from !== 'string') {
    return { chunks: abortable(from, signal), length: undefined, close: () => Promise.resolve() };
  }
  const handle = await open(from, 'r');
  return {
    chunks: readFile(handle, signal),
    length: (await handle.stat()).size,
    close: () => handle.close().catch(() => undefined),
  };
}

async function* readFile(handle: FileHandle, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void, void> {
  const read = (buffer: Buffer): Promise<Buffer> => {
    const reading = handle.read(buffer, 0, READ_BYTES, null).then(({ bytesRead }) => buffer.subarray(0, bytesRead));
    // Who stops early does not ask what became of it.
    reading.catch(() => undefined);
    return reading;
  };
  let [current, next] = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)];
  let reading = read(current);
  for (;;) {
    throwIfAborted(signal);
    const chunk = await reading;
    if (chunk.length === 0) return;
    reading = read(next);
    yield chunk;
    [current, next] = [next, current];
  }
}

async function* abortable(
  from: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = from[Symbol.asyncIterator]();
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal === undefined) return;
    abort = () => {
      reject(new AbortError(signal));
    };
    signal.addEventListener('abort', abort);
  });
  aborted.catch(() => undefined);
  let ended = false;
  try {
    for (;;) {
      throwIfAborted(signal);
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
    // Not waited for: a generator that is stuck in a wait of its own would hold up the abort.
    if (!ended) {
      if (from instanceof Readable) from.destroy();
      void Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
  }
}
