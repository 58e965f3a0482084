import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AbortError } from '../errors/index.js';

/**
 * Reads a stream to its end, for the sake of what looks at the bytes on their way.
 *
 * @throws AbortError, and what the stream fails with
 */
export async function drain(stream: Readable, signal: AbortSignal): Promise<void> {
  const nowhere = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  try {
    await pipeline(stream, nowhere, { signal });
  } catch (error) {
    throw signal.aborted ? new AbortError(signal) : error;
  }
}
