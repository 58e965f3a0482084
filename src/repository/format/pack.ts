import { createHash } from 'node:crypto';
import { keyBytes } from './blob.js';

/** What a backup's root says of a pack it needs. */
export interface PackRecord {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** How many blobs it holds. */
  readonly blobs: number;
  /** Length of the object as it was put, in bytes. */
  readonly bytes: number;
  /** The first {@link keyBytes} bytes of the SHA-256 of its blobs' keys, in their order. */
  readonly keysDigest: Uint8Array;
}

/** A pack's own table of contents. */
export interface PackDirectory {
  /** Where each blob begins, and where the last one ends. */
  readonly offsets: Float64Array;
  /** The keys, one after the other. */
  readonly keys: Buffer;
}

/** How many blobs a pack has at most: more would make its directory large, and only grains of some hundred bytes get there. */
export const maxBlobs = 16_384;
const magic = Buffer.from('VDP1');
const entryBytes = 4 + keyBytes;
const trailerBytes = 8;

/** Bytes of a pack's directory: an entry a blob, and a trailer. */
export function directoryBytes(blobs: number): number {
  return blobs * entryBytes + trailerBytes;
}

/** The directory that ends a pack. */
export function formatDirectory(lengths: readonly number[], keys: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc(directoryBytes(lengths.length));
  lengths.forEach((length, ordinal) => {
    bytes.writeUInt32LE(length, ordinal * entryBytes);
    bytes.set(keys[ordinal] ?? [], ordinal * entryBytes + 4);
  });
  bytes.writeUInt32LE(lengths.length, lengths.length * entryBytes);
  magic.copy(bytes, lengths.length * entryBytes + 4);
  return bytes;
}

/** Reads a directory; undefined where the bytes are not the directory of so many blobs. */
export function parseDirectory(bytes: Buffer, blobs: number): PackDirectory | undefined {
  if (bytes.length !== directoryBytes(blobs)) return undefined;
  const trailer = blobs * entryBytes;
  if (bytes.readUInt32LE(trailer) !== blobs || !bytes.subarray(trailer + 4).equals(magic)) return undefined;
  const offsets = new Float64Array(blobs + 1);
  const keys = Buffer.allocUnsafe(blobs * keyBytes);
  for (let ordinal = 0, end = 0; ordinal < blobs; ordinal++) {
    end += bytes.readUInt32LE(ordinal * entryBytes);
    offsets[ordinal + 1] = end;
    bytes.copy(keys, ordinal * keyBytes, ordinal * entryBytes + 4, (ordinal + 1) * entryBytes);
  }
  return { offsets, keys };
}

/**
 * Reads the directory of a pack that a root tells of. Its lengths are believed as far as they come to the object's.
 *
 * @param bytes the object's last ones
 * @param size length of the object, in bytes; a rewriting has one of its own
 * @returns undefined where it is not the directory that was stored
 */
export function directoryOf({ blobs, keysDigest }: PackRecord, bytes: Buffer, size: number): PackDirectory | undefined {
  const length = directoryBytes(blobs);
  const directory = parseDirectory(bytes.subarray(-length), blobs);
  if (directory === undefined || !digestKeys([directory.keys]).equals(keysDigest)) return undefined;
  return directory.offsets.at(-1) === size - length ? directory : undefined;
}

/** What a root keeps of a pack's keys, so that the chain from it to each blob is unbroken. */
export function digestKeys(keys: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const key of keys) hash.update(key);
  return hash.digest().subarray(0, keyBytes);
}
