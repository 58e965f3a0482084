import { ThreadError } from '../errors/index.js';
import { digestThreads } from './digest-threads.js';

/** Memories that wait for one thread before another is started, which costs as much as to hash some 50 MiB. */
const sharing = 4;

/** Bytes of a SHA-256. */
export const digestBytes = 32;

/** A memory, and what was taken of its pieces. */
export interface DigestedPieces {
  /** The memory that was given, which has become another object. */
  readonly memory: Buffer<ArrayBuffer>;
  /** {@link digestBytes} bytes for each piece, in the order in which they were told. */
  readonly digests: Uint8Array;
}

/**
 * The SHA-256 of each of a memory's pieces, or its HMAC, taken in another thread.
 *
 * @param memory all of its own buffer (`Buffer.allocUnsafeSlow`): that goes to the other thread, and comes back with what this
 *   resolves to
 * @param bounds where each piece begins and ends in the memory
 * @param secret what the HMAC is taken with
 * @throws ThreadError
 */
export async function digestPieces(
  memory: Buffer<ArrayBuffer>,
  bounds: Uint32Array,
  secret?: Uint8Array,
): Promise<DigestedPieces> {
  const { buffer } = memory;
  const thread = digestThreads.take(sharing);
  try {
    const reply = await thread.ask({ kind: 'pieces', memory: buffer, bounds, secret }, [buffer]);
    if (!('pieceDigests' in reply)) throw new ThreadError('the thread that hashes pieces answered something else');
    return { memory: Buffer.from(reply.memory), digests: reply.pieceDigests };
  } finally {
    digestThreads.give(thread);
  }
}
