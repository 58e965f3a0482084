import { types } from 'node:util';
import { InvalidInputError } from '../errors/index.js';
import type { ByteRange, ObjectBody } from './object-store.js';

/** The longest key, in bytes of UTF-8; S3's and Swift's own limit. */
const maxKeyBytes = 1024;

/**
 * @param prefixBytes what the store puts before the key
 * @throws InvalidInputError for `key`
 */
export function checkKey(key: string, prefixBytes = 0): void {
  if (typeof key !== 'string' || key === '') throw new InvalidInputError('key', 'must be a string that is not empty');
  checkText('key', key, prefixBytes);
  if (key.split('/').some((segment) => segment === '')) {
    throw new InvalidInputError('key', 'must not begin or end with a slash, nor hold two in a row');
  }
}

/** @throws InvalidInputError for `prefix` */
export function checkPrefix(prefix: string, prefixBytes = 0): void {
  if (typeof prefix !== 'string') throw new InvalidInputError('prefix', 'must be a string');
  checkText('prefix', prefix, prefixBytes);
  if (/^\/|\/\//.test(prefix)) {
    throw new InvalidInputError('prefix', 'must not begin with a slash, nor hold two in a row');
  }
}

function checkText(name: string, text: string, prefixBytes: number): void {
  if (/\p{Cc}/u.test(text)) throw new InvalidInputError(name, 'must not hold control characters');
  if (/\p{Cs}/u.test(text)) throw new InvalidInputError(name, 'must be well-formed Unicode');
  // A client or a proxy on the way takes these for steps in a path.
  if (text.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new InvalidInputError(name, 'must not hold a segment . or ..');
  }
  const bytes = Buffer.byteLength(text) + prefixBytes;
  if (bytes > maxKeyBytes) {
    throw new InvalidInputError(name, `is too long: ${bytes} bytes, at most ${maxKeyBytes} can be`);
  }
}

/** @throws InvalidInputError for `options.range` */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const { offset, length } = range;
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new InvalidInputError('options.range.offset', 'must be a whole number, at least 0');
  }
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 1)) {
    throw new InvalidInputError('options.range.length', 'must be a whole number, at least 1');
  }
}

/** @throws InvalidInputError naming the argument */
export function checkRetainUntil(name: string, until: Date): void {
  if (!types.isDate(until) || Number.isNaN(until.getTime())) {
    throw new InvalidInputError(name, 'must be a valid Date');
  }
}

/**
 * The buffers of a body, without empty ones, and their length altogether.
 *
 * @throws InvalidInputError for `body`
 */
export function buffersOf(body: ObjectBody): { readonly buffers: readonly Uint8Array[]; readonly size: number } {
  const given: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (!given.every((buffer): buffer is Uint8Array => types.isUint8Array(buffer))) {
    throw new InvalidInputError('body', 'must be a Uint8Array, or an array of them');
  }
  const buffers = given.filter((buffer) => buffer.length > 0);
  return { buffers, size: buffers.reduce((sum, buffer) => sum + buffer.length, 0) };
}
