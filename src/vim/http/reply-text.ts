import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TextDecoder } from 'node:util';
import { isNativeError } from 'node:util/types';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { VimProtocolError } from '../../errors/index.js';
import { NoEnvelopeError } from './reply-sink.js';

/** No reply of vim25 that this library asks for comes near this size, in bytes, compressed or not. */
const maxReplyBytes = 32 * 1024 * 1024;

/** No proxy encodes a body more often. */
const maxCodings = 2;

/** As much of a body as its XML declaration can take. */
const prologBytes = 256;

/** The parts of a reply's head that say how its body is to be read. */
export interface ReplyHeaders {
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
}

/**
 * Reads a reply's body as text, whatever way it was put: servers and the proxies before them compress bodies, also unasked,
 * and write them in UTF-16.
 *
 * @param take gets the text in pieces
 * @throws VimProtocolError where it is encoded in a way that is not known, damaged, or too long
 * @throws NoEnvelopeError where it ends early
 */
export async function readReplyText(
  body: AsyncIterable<Uint8Array>,
  { contentType, contentEncoding }: ReplyHeaders,
  take: (text: string) => Promise<void>,
): Promise<void> {
  const raw = await beginningOf(limited(body), 2);
  const decoders = codingsOf(contentEncoding, raw.beginning).map(decoderFor);
  try {
    const { beginning, all } = await beginningOf(limited(decoders.reduce(through, raw.all)), prologBytes);
    const decoder = textDecoderFor(contentType, beginning);
    for await (const chunk of all) await take(decoder.decode(chunk, { stream: true }));
    await take(decoder.decode());
  } catch (error) {
    if (!isZlibError(error)) throw error;
    // zlib's word for an end before the end.
    if (error.code === 'Z_BUF_ERROR') throw new NoEnvelopeError();
    throw new VimProtocolError(`the compressed reply is damaged (${error.code})`);
  }
}

function through(bytes: AsyncIterable<Uint8Array>, decoder: Transform): AsyncIterable<Uint8Array> {
  // What goes wrong on either side of it comes out of the decoder, too.
  pipeline(bytes, decoder).catch(() => undefined);
  return decoder;
}

/** Bytes, as many as there may be at most. */
async function* limited(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > maxReplyBytes) throw new VimProtocolError(`a reply of more than ${maxReplyBytes} bytes`);
    yield chunk;
  }
}

/** The first bytes of a body, at least so many if there are, and the whole of it. */
async function beginningOf(
  bytes: AsyncGenerator<Uint8Array, void, void>,
  count: number,
): Promise<{ readonly beginning: Buffer; readonly all: AsyncIterable<Uint8Array> }> {
  let beginning = Buffer.alloc(0);
  while (beginning.length < count) {
    const next = await bytes.next();
    if (next.done === true) break;
    beginning = Buffer.concat([beginning, next.value]);
  }
  const all = async function* (): AsyncGenerator<Uint8Array, void, void> {
    yield beginning;
    yield* bytes;
  };
  return { beginning, all: all() };
}

/** How a body is compressed, the last coding first. A body that is compressed without a word shows it by its first bytes. */
function codingsOf(contentEncoding: string | null, beginning: Buffer): string[] {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase().replace(/^x-/, ''))
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > maxCodings) throw new VimProtocolError('the reply is encoded over and over');
  const isGzip = beginning[0] === 0x1f && beginning[1] === 0x8b;
  if (isGzip && codings.length === 0) return ['gzip'];
  // A proxy that inflated the body may have left the header as it was.
  if (!isGzip && codings.at(-1) === 'gzip') codings.pop();
  const last = codings.at(-1);
  // RFC 9110 means zlib's format; some senders leave its wrapper away.
  if (last === 'deflate' && !hasZlibHeader(beginning)) codings[codings.length - 1] = 'deflate-raw';
  return codings.reverse();
}

function hasZlibHeader(beginning: Buffer): boolean {
  return beginning.length >= 2 && ((beginning[0] ?? 0) & 0x0f) === 8 && beginning.readUInt16BE(0) % 31 === 0;
}

function decoderFor(coding: string): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'deflate-raw':
      return createInflateRaw();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new VimProtocolError(`the reply is encoded as ${coding.slice(0, 40)}, which is not understood`);
  }
}

/** The body's own signs count before what its headers say, and those before what it says of itself. */
function textDecoderFor(contentType: string | null, beginning: Buffer): TextDecoder {
  const label =
    utf16Of(beginning) ??
    /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? '')?.[1] ??
    /^[^<]*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']+)/.exec(beginning.toString('latin1'))?.[1] ??
    'utf-8';
  // What is not UTF-16 by its bytes is something that has ASCII's, whatever it is called.
  if (/^utf-?16/i.test(label) && utf16Of(beginning) === undefined) return new TextDecoder('utf-8');
  try {
    return new TextDecoder(label);
  } catch {
    throw new VimProtocolError(`the reply is written in ${label.slice(0, 40)}, which is not understood`);
  }
}

/** UTF-16 by its byte order mark, or by how `<` is written in it. */
function utf16Of([first, second]: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if ((first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)) return 'utf-16be';
  return undefined;
}

function isZlibError(error: unknown): error is Error & { readonly code: string } {
  return isNativeError(error) && 'code' in error && /^(?:Z_|ERR__)/.test(String(error.code));
}
