import { types } from 'node:util';
import * as z from 'zod';
import { InvalidInputError } from '../errors/index.js';
import { signalSchema } from '../live-input.js';
import { parseInput } from '../parse-input.js';
import type { GetOptions, ObjectBody, PutOptions, StoreCallOptions } from './object-store.js';

/** The longest key, in bytes of UTF-8; S3's and Swift's own limit. */
const maxKeyBytes = 1024;

/** By type, not by class: Node's own dates are of another realm under a test runner. */
export const dateSchema = z.custom<Date>(
  (value) => types.isDate(value) && !Number.isNaN(value.getTime()),
  'must be a valid Date',
);
const keysSchema = z.array(z.string());
const callOptionsSchema = z.looseObject({ signal: signalSchema.optional() });
const putOptionsSchema = callOptionsSchema.extend({
  ifAbsent: z.boolean().optional(),
  retainUntil: dateSchema.optional(),
});
const getOptionsSchema = callOptionsSchema.extend({
  range: z.looseObject({ offset: z.int().nonnegative(), length: z.int().positive().optional() }).optional(),
});

/**
 * @param prefixBytes what the store puts before the key
 * @throws InvalidInputError for `key`
 */
export function checkKey(key: string, prefixBytes = 0): void {
  if (typeof key !== 'string' || key === '') throw new InvalidInputError('key', 'must be a string that is not empty');
  const flaw = keyFlaw(key, prefixBytes);
  if (flaw !== undefined) throw new InvalidInputError('key', flaw);
}

/** @throws InvalidInputError for `prefix` */
export function checkPrefix(prefix: string, prefixBytes = 0): void {
  if (typeof prefix !== 'string') throw new InvalidInputError('prefix', 'must be a string');
  const isSplit = /^\/|\/\//.test(prefix);
  const flaw =
    textFlaw(prefix, prefixBytes) ?? (isSplit ? 'must not begin with a slash, nor hold two in a row' : undefined);
  if (flaw !== undefined) throw new InvalidInputError('prefix', flaw);
}

/** What is wrong with a text as a key. */
export function keyFlaw(text: string, prefixBytes = 0): string | undefined {
  const flaw = textFlaw(text, prefixBytes);
  if (flaw !== undefined) return flaw;
  return text.split('/').includes('') ? 'must not begin or end with a slash, nor hold two in a row' : undefined;
}

function textFlaw(text: string, prefixBytes: number): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'must not hold control characters';
  if (/\p{Cs}/u.test(text)) return 'must be well-formed Unicode';
  // A client or a proxy on the way takes these for steps in a path.
  if (text.split('/').some((segment) => segment === '.' || segment === '..')) {
    return 'must not hold a segment . or ..';
  }
  const bytes = Buffer.byteLength(text) + prefixBytes;
  return bytes > maxKeyBytes ? `is too long: ${bytes} bytes, at most ${maxKeyBytes} can be` : undefined;
}

/** @throws InvalidInputError for `keys` */
export function checkKeys(keys: readonly string[]): void {
  parseInput('keys', keysSchema, keys);
}

/** @throws InvalidInputError for the option at fault */
export function parseCallOptions(options: StoreCallOptions): StoreCallOptions {
  return parseInput('options', callOptionsSchema, options);
}

/** @throws InvalidInputError for the option at fault */
export function parsePutOptions(options: PutOptions): PutOptions {
  return parseInput('options', putOptionsSchema, options);
}

/** @throws InvalidInputError for the option at fault */
export function parseGetOptions(options: GetOptions): GetOptions {
  return parseInput('options', getOptionsSchema, options);
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
