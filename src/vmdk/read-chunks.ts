import { Readable } from 'node:stream';
import { isUint8Array } from 'node:util/types';
import { throwIfAborted } from '../errors/abort-error.js';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import { EventLoopTurns } from '../event-loop-turns.js';
import { eachUntilAborted } from './each-until-aborted.js';
import { InputFile } from './input-file.js';

/** Bytes read at once from a file. */
const READ_BYTES = 2 ** 20;

/** What a VMDK is read from: a file's path, or anything that gives its bytes. */
export type VmdkBytes = string | AsyncIterable<Uint8Array>;

/** A stream's chunks, and its length where that is known beforehand. */
export interface ChunkSource {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly length: number | undefined;
  /** Lets go of it. Never throws. */
  close(): Promise<void>;
}

/**
 * Opens what a VMDK is read from.
 *
 * A file's chunks lie in buffers that are used again: they are gone when the next one is asked for. The next one is
 * read meanwhile.
 *
 * @param field - the argument that it is
 * @throws AbortError also in the middle of a wait for the next chunk
 * @throws InvalidInputError if it is neither, and when a chunk is not bytes
 * @throws FileError
 */
export async function openChunks(
  field: string,
  from: VmdkBytes,
  signal: AbortSignal | undefined,
): Promise<ChunkSource> {
  throwIfAborted(signal);
  if (typeof from !== 'string') {
    return { chunks: chunksOf(field, from, signal), length: undefined, close: () => Promise.resolve() };
  }
  const file = await InputFile.open(field, from);
  return { chunks: readFile(file, signal), length: file.length, close: () => file.close() };
}

async function* readFile(file: InputFile, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void, void> {
  const read = (buffer: Buffer, position: number): Promise<Buffer> => {
    const reading = file.read(buffer, position).then((bytesRead) => buffer.subarray(0, bytesRead));
    // Who stops early does not ask what became of it.
    reading.catch(() => undefined);
    return reading;
  };
  let [current, next] = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)];
  let position = 0;
  let reading = read(current, position);
  for (;;) {
    throwIfAborted(signal);
    const chunk = await reading;
    if (chunk.length === 0) return;
    position += chunk.length;
    reading = read(next, position);
    yield chunk;
    [current, next] = [next, current];
  }
}

async function* chunksOf(
  field: string,
  from: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = iteratorOf(field, from);
  const turns = new EventLoopTurns();
  try {
    for await (const chunk of eachUntilAborted(iterator, signal)) {
      if (!isUint8Array(chunk)) throw new InvalidInputError(field, `gives chunks of type ${typeof chunk}, not bytes`);
      for (let at = 0; at === 0 || at < chunk.length; at += READ_BYTES) {
        yield chunk.subarray(at, at + READ_BYTES);
        await turns.pause();
      }
    }
  } finally {
    if (from instanceof Readable) from.destroy();
  }
}

function iteratorOf(field: string, from: unknown): AsyncIterator<unknown> {
  const iterable = from as Partial<AsyncIterable<unknown>> | null | undefined;
  const iterator = iterable?.[Symbol.asyncIterator]?.();
  if (iterator === undefined) throw new InvalidInputError(field, 'is neither a path nor gives bytes asynchronously');
  // The iterator hears of errors; those that come when it has gone have nobody else.
  if (from instanceof Readable) from.on('error', () => undefined);
  return iterator;
}
