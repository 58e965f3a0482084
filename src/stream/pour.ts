import { AbortError } from '../errors/index.js';
import type { ChunkSource } from './chunk-source.js';
import { closeSource } from './close-source.js';

/** Where a stream's chunks go. */
export interface ChunkTaker {
  /** Takes the next bytes. */
  write(chunk: Buffer<ArrayBuffer>): Promise<void>;
  /** Whether a chunk is not used any more once `write` has resolved, so that its memory can be used again. */
  readonly isDoneWithChunks: boolean;
}

/**
 * Reads a stream to its end, each chunk when the one before was taken, and closes it.
 *
 * @throws AbortError as soon as the signal is aborted, also where who takes the chunks does not answer; else what stream and
 *   taker fail with
 */
export async function pour(source: ChunkSource, taker: ChunkTaker, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(new AbortError(signal));
    };
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([aborted, pourAll(source, taker)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await closeSource(source);
  }
}

async function pourAll(source: ChunkSource, taker: ChunkTaker): Promise<void> {
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
    await taker.write(chunk);
    if (taker.isDoneWithChunks) source.release(chunk);
  }
}
