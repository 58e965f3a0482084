import type { VmdkDriverError } from '../../errors/index.js';
import type { KeyedMemory } from './hash-memory.js';

/**
 * What stands between a repository's bytes and its store: how blobs are told from each other, and whether they are encrypted.
 */
export interface Vault {
  /** The keys of pieces, {@link keyBytes} bytes each, without holding the main thread for long. */
  keysOf(pieces: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** The same, taken in another thread, of a memory that can be moved there and back (`hashMemory`). */
  keysIn(memory: Buffer<ArrayBuffer>, bounds: Uint32Array): Promise<KeyedMemory>;
  /** A blob as it is stored in its place. */
  seal(pack: string, ordinal: number, bytes: Uint8Array): Uint8Array;
  /**
   * A stored blob as it was.
   *
   * @throws RepositoryDamagedError where it was stored in another place, or is not what was stored
   */
  open(pack: string, ordinal: number, sealed: Buffer): Buffer;
  /** A backup's root as it is stored. */
  sealRoot(attempt: string, bytes: Buffer): Promise<Buffer>;
  /** @throws RepositoryDamagedError */
  openRoot(attempt: string, sealed: Buffer): Promise<Buffer>;
  /** Tells whether a text is as it was written; of an encrypted repository also that its writer had the key. */
  prove(text: string): string;
  /** What to throw where it is not. */
  refuse(key: string): VmdkDriverError;
}
