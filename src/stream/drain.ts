import type { ChunkSource } from './chunk-source.js';
import { pour } from './pour.js';

/**
 * Reads a stream to its end, for the sake of what looks at the bytes on their way, and closes it.
 *
 * @throws AbortError, and what the stream fails with
 */
export function drain(source: ChunkSource, signal: AbortSignal): Promise<void> {
  return pour(source, { write: () => Promise.resolve(), isDoneWithChunks: true }, signal);
}
