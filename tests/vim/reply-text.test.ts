import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readReplyText } from '../../src/vim/http/reply-text.js';
import { SoapVimSession } from '../../src/vim/index.js';
import { failureOf } from './support/failure.js';
import { resultEnvelope, SoapServer } from './support/soap-server.js';

const root = { type: 'ServiceInstance', value: 'ServiceInstance' };
const text = resultEnvelope('CurrentTime', '<returnval>2026-01-01T00:00:00Z \u00e9\u{1f4be}</returnval>');

async function read(body: Buffer, headers: { type?: string; encoding?: string } = {}, chunkBytes = 7): Promise<string> {
  const chunks = async function* () {
    for (let at = 0; at < body.length; at += chunkBytes) yield body.subarray(at, at + chunkBytes);
  };
  let read = '';
  const head = { contentType: headers.type ?? null, contentEncoding: headers.encoding ?? null };
  await readReplyText(chunks(), head, async (piece) => {
    read += piece;
  });
  return read;
}

const utf16be = (value: string): Buffer => Buffer.from(value, 'utf16le').swap16();

describe('a reply is read', () => {
  const plain = Buffer.from(text);
  test.each<[string, Buffer, { type?: string; encoding?: string }]>([
    ['as it is', plain, {}],
    ['with a byte order mark', Buffer.from(`\ufeff${text}`), {}],
    ['said to be nothing special', plain, { encoding: ' Identity ' }],
    ['said to be nothing', plain, { encoding: '' }],
    ['gzip', gzipSync(plain), { encoding: 'gzip' }],
    ['gzip, by another name', gzipSync(plain), { encoding: 'X-GZip' }],
    ['gzip, without a word', gzipSync(plain), {}],
    ['inflated by a proxy that says it is gzip', plain, { encoding: 'gzip' }],
    ['deflate', deflateSync(plain), { encoding: 'deflate' }],
    ['deflate without its wrapper', deflateRawSync(plain), { encoding: 'Deflate' }],
    ['brotli', brotliCompressSync(plain), { encoding: 'br' }],
    ['twice', gzipSync(deflateSync(plain)), { encoding: 'deflate, gzip' }],
    ['UTF-16 by its mark', Buffer.from(`\ufeff${text}`, 'utf16le'), { type: 'text/xml; charset=utf-8' }],
    ['UTF-16, big end first', utf16be(`\ufeff${text}`), { type: 'text/xml; charset="UTF-16"' }],
    ['UTF-16 by its look', Buffer.from(text, 'utf16le'), {}],
    ['UTF-16 by its look, big end first', utf16be(text), { type: 'text/xml; charset=utf-16' }],
    ['UTF-16, compressed', gzipSync(Buffer.from(`\ufeff${text}`, 'utf16le')), { encoding: 'gzip' }],
    ['said to be UTF-16, which it is not', plain, { type: 'text/xml; charset=utf-16' }],
  ])('%s', async (_name, body, headers) => {
    expect(await read(body, headers)).toBe(text);
  });

  test('in the charset that its head or its declaration names', async () => {
    const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00e9</a>', 'latin1');
    expect(await read(latin)).toContain('<a>\u00e9</a>');
    expect(await read(latin.subarray(43), { type: 'text/xml;charset=iso-8859-1' })).toBe('<a>\u00e9</a>');
  });
});

describe('a reply is refused', () => {
  test.each<[string, Buffer, { type?: string; encoding?: string }, string]>([
    ['in a coding nobody knows', Buffer.from('x'), { encoding: 'zstd' }, 'encoded as zstd'],
    ['in a charset nobody knows', Buffer.from('<a/>'), { type: 'text/xml; charset=klingon' }, 'written in klingon'],
    ['encoded over and over', Buffer.from('x'), { encoding: Array(3).fill('gzip').join() }, 'over and over'],
    ['damaged', Buffer.concat([gzipSync('abc').subarray(0, 10), Buffer.alloc(99, 0x55)]), {}, 'damaged'],
    ['too long', Buffer.alloc(33 * 2 ** 20, ' '), {}, 'more than 33554432 bytes'],
    ['that inflates to too much', gzipSync(Buffer.alloc(64 * 2 ** 20)), {}, 'more than 33554432 bytes'],
  ])('%s', async (_name, body, headers, message) => {
    const error = await failureOf(read(body, headers, 65_536));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL', retryable: false });
    expect(error.message).toContain(message);
  });
});

describe('over the wire', () => {
  test('what a compressing proxy makes of the replies is understood, and asked for is none of it', async () => {
    await using server = await SoapServer.start();
    await using vim = new SoapVimSession(server.options);
    await vim.connect();
    const bodies = [
      gzipSync(text),
      Buffer.from(`<!-- lb7 -->${text.replace(/<\?xml.*?>/, '')}`),
      Buffer.from(`\n${text}\n`),
    ];
    for (const body of bodies) {
      server.handlers['CurrentTime'] = () => (response) => response.writeHead(200).end(body);
      expect(await vim.invoke('CurrentTime', root, {})).toMatch(/^2026-01-01T00:00:00Z/);
    }
    expect(server.calls.at(-1)!.request.headers['accept-encoding']).toBe('identity');
    expect(server.count('CurrentTime')).toBe(bodies.length);
  });

  test('an unknown coding is named, once; a compressed reply that is cut is lost', async () => {
    await using server = await SoapServer.start();
    await using vim = new SoapVimSession(server.options);
    await vim.connect();
    server.handlers['CurrentTime'] = () => (response) =>
      response.writeHead(200, { 'Content-Encoding': 'zstd' }).end('x');
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect(server.count('CurrentTime')).toBe(1);

    server.handlers['CurrentTime'] = () => (response) =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(text).subarray(0, 60));
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ code: 'VIM_CONNECTION_FAILED' });
    expect(server.count('CurrentTime')).toBe(5);
  });
});
