import { stat, utimes } from 'node:fs/promises';
import { sharedState } from '../process/shared-state.js';

/** A stream that this process hashed: length and SHA-256 are there once it has ended. */
export interface HashedStream {
  streamBytes?: number;
  sha256?: string;
}

/** Which part of which stream a piece of memory holds. */
export interface HashedChunk {
  readonly stream: HashedStream;
  /** Where in the stream it begins, in bytes. */
  readonly position: number;
}

/** A file that holds a stream, and what tells that nobody has written to it since. */
interface HashedFile {
  readonly stream: Required<HashedStream>;
  readonly modifiedNs: bigint;
}

/**
 * What was hashed already, so that no byte is hashed twice by the driver and by the service it hands it to.
 *
 * It is known of the memory and of the file that were hashed, and not taken from what somebody says: a service that is
 * given the same manifest with other bytes, which somebody encrypted on their way say, hashes those.
 */
interface Known {
  readonly chunks: WeakMap<ArrayBufferLike, HashedChunk>;
  readonly files: Map<string, HashedFile>;
}

const known = sharedState('hashed-bytes/1', (): Known => ({ chunks: new WeakMap(), files: new Map() }));

/** Notes that a chunk, which has its memory for itself, is the part of a stream that begins at `position`. */
export function noteHashedChunk(chunk: Buffer<ArrayBuffer>, hashed: HashedChunk): void {
  known.chunks.set(chunk.buffer, { stream: hashed.stream, position: hashed.position - chunk.byteOffset });
}

/** Which stream's bytes these are, where they were hashed. They may be a part of the chunk that was. */
export function hashedChunk(bytes: Uint8Array): HashedChunk | undefined {
  const hashed = known.chunks.get(bytes.buffer);
  return hashed && { stream: hashed.stream, position: hashed.position + bytes.byteOffset };
}

/** The coarsest clock by which a file system tells when a file was written to, FAT's, in seconds. */
const coarsestClock = 2;

/**
 * Notes that a file holds a stream, whole. Disposing of the result forgets it, which is to be done before the file is
 * deleted.
 *
 * The file is dated back by two seconds: it was written to only now, and if it is again before the file system's clock has moved on,
 * that would not show. The bytes' own times are in their manifest.
 */
export async function noteHashedFile(path: string, stream: Required<HashedStream>): Promise<Disposable> {
  const { atimeMs, mtimeMs } = await stat(path);
  try {
    await utimes(path, atimeMs / 1000, mtimeMs / 1000 - coarsestClock);
  } catch {
    // A file system that knows the file as somebody else's: it is hashed again.
    return { [Symbol.dispose]: () => undefined };
  }
  const { key, modifiedNs } = await identify(path);
  known.files.set(key, { stream, modifiedNs });
  return { [Symbol.dispose]: () => void known.files.delete(key) };
}

/** The stream a file holds, where it was hashed and nobody has written to the file since. */
export async function hashedFile(path: string): Promise<Required<HashedStream> | undefined> {
  const { key, modifiedNs, size } = await identify(path);
  const file = known.files.get(key);
  if (file?.modifiedNs !== modifiedNs || size !== BigInt(file.stream.streamBytes)) return undefined;
  return file.stream;
}

async function identify(path: string): Promise<{ key: string; modifiedNs: bigint; size: bigint }> {
  const { dev, ino, mtimeNs, size } = await stat(path, { bigint: true });
  return { key: `${dev}:${ino}`, modifiedNs: mtimeNs, size };
}
