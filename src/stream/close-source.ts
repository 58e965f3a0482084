import { boundedCall } from '../bounded-call.js';
import type { ChunkSource } from './chunk-source.js';

/**
 * Closes what a stream's chunks come from. One that does not answer is left behind: whoever has done with the bytes, or has been told
 * to stop, has no more to wait for.
 */
export async function closeSource(source: ChunkSource): Promise<void> {
  const timeUp = new Error('it did not close');
  try {
    await boundedCall({ call: () => source.close(), onTimeUp: () => timeUp });
  } catch (error) {
    if (error !== timeUp) throw error;
  }
}
