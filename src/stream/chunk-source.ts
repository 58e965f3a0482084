/**
 * Looks at a stream's bytes as they come, in order, at most a chunk at a time. Returns how many of them belong to the stream:
 * what follows its end is left out. Where it throws, the stream ends with that error.
 */
export type LookAtBytes = (bytes: Uint8Array) => number;

/** A stream that is pulled in pieces of at most `chunkBytes`. */
export interface ChunkSource {
  /**
   * The next bytes, which are the caller's from then on; `undefined` after the last. Calls may overlap: they are answered
   * in turn.
   */
  next(): Promise<Buffer<ArrayBuffer> | undefined>;
  /** Gives a chunk back that nobody uses any more: its memory may be used for further bytes. */
  release(chunk: Buffer<ArrayBuffer>): void;
  /** Lets go of what the bytes come from, if there is more of it: whoever waits for the next bytes gets an error. */
  close(): Promise<void>;
}
