import { finished, Readable, Transform, type TransformCallback } from 'node:stream';
import { types } from 'node:util';
import { VmdkDriverError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import { chunkBytes } from './chunk-bytes.js';
import { ChunkReadable, claimChunks } from './chunk-readable.js';
import type { ChunkSource } from './chunk-source.js';

/** Streams that this package, in whichever of its copies, made so that they give bytes and typed errors. */
const typedBytes: unique symbol = Symbol.for('vmdk-driver/typed-bytes');

/** Says that a stream gives bytes and nothing else, and fails with this library's errors: nothing needs to stand in its way. */
export function markTypedBytes(stream: Readable): void {
  Object.defineProperty(stream, typedBytes, { value: true });
}

/** Makes the error of whoever gave the stream. */
export type StreamErrorOf = (reason: string, cause?: unknown) => VmdkDriverError;

/**
 * Takes what somebody else gave as a stream for what it is: a Node stream (of bytes, be it in object mode), a web stream, or
 * an iterable of bytes. Whatever goes wrong with it, however late, fails the returned stream and nothing else.
 *
 * @throws what `errorOf` makes, where it is none of these; the returned stream fails so where it gives anything but bytes
 */
export function byteStream(value: unknown, errorOf: StreamErrorOf): Readable {
  const typed = (error: unknown): VmdkDriverError =>
    error instanceof VmdkDriverError ? error : errorOf(`its stream broke off: ${reasonOf(error)}`, error);
  const source = readableOf(value, errorOf);
  const chunks = claimChunks(source);
  if (chunks !== undefined) {
    source.on('error', () => undefined);
    return new ChunkReadable(failingWith(chunks, typed)).on('error', () => undefined);
  }
  // An error that comes when nobody reads any more would otherwise end the process.
  if (typedBytes in source) return source.on('error', () => undefined);
  const gate = new ByteGate(errorOf);
  const fail = (error: Error): void => {
    gate.destroy(typed(error));
  };
  // These stay, as above.
  source.on('error', fail);
  gate.on('error', () => undefined);
  // Not a pipeline, which would fail the gate with its own error before anybody could make that a typed one.
  finished(source, { writable: false }, (error) => {
    if (error) fail(error);
    else gate.end();
  });
  // It is somebody else's: where it throws, nobody is left to hear of that.
  gate.once('close', () => {
    new Promise((resolve) => {
      resolve(source.destroy());
    }).catch(() => undefined);
  });
  source.pipe(gate);
  return gate;
}

/** Chunks that are given on as they are; what they fail with is made typed. */
function failingWith(chunks: ChunkSource, typed: (error: unknown) => VmdkDriverError): ChunkSource {
  return {
    async next() {
      try {
        return await chunks.next();
      } catch (error) {
        throw typed(error);
      }
    },
    release: (chunk) => {
      chunks.release(chunk);
    },
    close: () => chunks.close(),
  };
}

function readableOf(value: unknown, errorOf: StreamErrorOf): Readable {
  try {
    const readable = asReadable(value);
    if (readable !== undefined) return readable;
  } catch (error) {
    throw errorOf(`its stream cannot be read: ${reasonOf(error)}`, error);
  }
  throw errorOf('it gave no stream: neither a Node stream, nor a web stream, nor an iterable of bytes');
}

function asReadable(value: unknown): Readable | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const has = (...names: PropertyKey[]): boolean =>
    names.every((name) => typeof (value as Readonly<Record<PropertyKey, unknown>>)[name] === 'function');
  const objects = { objectMode: true, highWaterMark: 1 };
  if (has('pipe', 'on', 'destroy', Symbol.asyncIterator)) return value as Readable;
  // A stream as they were before Node 10, and as some libraries still bring their own.
  if (has('pipe', 'on')) return new Readable(objects).wrap(value as NodeJS.ReadableStream);
  if (value instanceof ReadableStream) return Readable.fromWeb(value, objects);
  if (has(Symbol.asyncIterator) || has(Symbol.iterator)) return Readable.from(value as AsyncIterable<unknown>, objects);
  return undefined;
}

/** Lets bytes pass, as they are; anything else fails it. */
class ByteGate extends Transform {
  readonly #errorOf: StreamErrorOf;

  constructor(errorOf: StreamErrorOf) {
    super({ writableObjectMode: true, writableHighWaterMark: 1, readableHighWaterMark: chunkBytes });
    this.#errorOf = errorOf;
  }

  override _transform(chunk: unknown, _encoding: BufferEncoding, done: TransformCallback): void {
    // By type, not by class: bytes may come from another realm. None at all must not be taken for the end.
    if (types.isUint8Array(chunk)) done(null, chunk.length === 0 ? undefined : chunk);
    else done(this.#errorOf(`its stream gives ${typeof chunk}s where bytes were expected`));
  }
}
