import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { ObjectNotFoundError, StoreError } from '../../errors/index.js';
import type { ByteRange } from '../object-store.js';
import type { HttpHeaders } from './http-client.js';
import { ObjectStream, type ObjectStreamOptions } from './object-stream.js';

/** How an object is opened. */
export interface OpenObjectOptions extends Pick<
  ObjectStreamOptions,
  'key' | 'peer' | 'stallTimeoutMs' | 'retryDelaysMs' | 'signal'
> {
  readonly range: ByteRange | undefined;
  /** Sends a GET with these header fields. It accepts 404, 412 and 416, and rejects for other failures. */
  readonly send: (headers: HttpHeaders, signal: AbortSignal | undefined) => Promise<IncomingMessage>;
  /** The MD5 of the whole object that an answer tells of, where it does. */
  readonly md5Of?: ((answer: IncomingMessage) => string | undefined) | undefined;
}

/**
 * Opens an object for reading.
 *
 * @throws ObjectNotFoundError
 * @throws StoreError where the object does not have the range
 */
export async function openObject(options: OpenObjectOptions): Promise<Readable> {
  const { key, peer, range, stallTimeoutMs, retryDelaysMs, signal } = options;
  const offset = range?.offset ?? 0;
  const answer = await ask(options, range === undefined ? {} : { range: headerOf(offset, range.length) }, signal);
  try {
    const length = lengthOf(answer, options);
    const { etag } = answer.headers;
    return new ObjectStream(answer, {
      key,
      peer,
      length,
      md5: range === undefined ? options.md5Of?.(answer) : undefined,
      resume: async (from, wanted) => {
        if (from === length) throw new StoreError('protocol', `${peer}: ${key}: the answer does not end`);
        const headers = {
          range: headerOf(offset + from, length - from),
          ...(etag === undefined ? {} : { 'if-match': etag }),
        };
        const rest = await ask(options, headers, wanted);
        try {
          if (rest.headers.etag !== etag) throw replaced(options);
          lengthOf(rest, { ...options, range: { offset: offset + from, length: length - from } });
          return rest;
        } catch (error) {
          rest.destroy();
          throw error;
        }
      },
      stallTimeoutMs,
      retryDelaysMs,
      signal,
    });
  } catch (error) {
    answer.destroy();
    throw error;
  }
}

async function ask(
  options: OpenObjectOptions,
  headers: HttpHeaders,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const answer = await options.send(headers, signal);
  const { statusCode } = answer;
  if (statusCode === 200 || statusCode === 206) return answer;
  answer.destroy();
  if (statusCode === 404) throw new ObjectNotFoundError(options.key);
  throw statusCode === 412 ? replaced(options) : noSuchRange(options);
}

function headerOf(offset: number, length: number | undefined): string {
  return `bytes=${offset}-${length === undefined ? '' : offset + length - 1}`;
}

/** How many bytes follow. They are the ones that were asked for. */
function lengthOf(answer: IncomingMessage, options: OpenObjectOptions): number {
  const { key, peer, range } = options;
  const { 'content-length': announced, 'content-range': contentRange } = answer.headers;
  const length = Number(announced);
  if (announced === undefined || !Number.isSafeInteger(length)) {
    throw new StoreError('protocol', `${peer}: ${key}: the store does not tell its length`);
  }
  if (range === undefined) return length;
  const [, first] = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(contentRange ?? '') ?? [];
  if (answer.statusCode !== 206 || Number(first) !== range.offset) {
    throw new StoreError('protocol', `${peer}: ${key}: the store gives another range than it was asked for`);
  }
  // A range that goes beyond the end is answered with what there is.
  if (range.length !== undefined && range.length !== length) throw noSuchRange(options);
  return length;
}

function noSuchRange({ key, peer, range }: OpenObjectOptions): StoreError {
  const upTo = range?.length === undefined ? 'on' : `to ${range.offset + range.length - 1}`;
  return new StoreError('failed', `${peer}: ${key} does not have the bytes from ${range?.offset ?? 0} ${upTo}`);
}

function replaced({ key, peer }: OpenObjectOptions): StoreError {
  return new StoreError('integrity', `${peer}: ${key} became another object while it was read`, { retryable: false });
}
