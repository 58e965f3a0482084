import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import {
  NoValidDatastoreError,
  TlsVerificationError,
  TransferError,
  VimFault,
  VimProtocolError,
  type VmdkDriverError,
} from '../../src/errors/index.js';
import { rememberSecrets } from '../../src/errors/known-secrets.js';
import { reasonOf } from '../../src/errors/reason-of.js';
import { statusError } from '../../src/stores/swift/swift-errors.js';

const secret = 'p<a>"s&s\u00e9 w/rd';
rememberSecrets(secret, '', 'ab');

const everythingOf = (error: VmdkDriverError): string =>
  inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + String(error.stack);

const forms = [
  secret,
  'p&lt;a&gt;"s&amp;s\u00e9 w/rd',
  'p&lt;a&gt;&quot;s&amp;s\u00e9 w/rd',
  encodeURIComponent(secret),
  JSON.stringify(secret),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
];

test.each(forms)('an error does not say a secret written as %p', (written) => {
  const errors = [
    new VimProtocolError(`it says ${written}`),
    new VimFault(`F${written}`, 'Login', `m ${written}`, { reason: written, [written]: [{ deep: written }] }),
    new NoValidDatastoreError('m', [{ name: `n ${written}`, reason: written }]),
    new TlsVerificationError(`${written}:443`, 'm', { expected: written, actual: `a ${written}` }),
  ];
  for (const error of errors) {
    const said = everythingOf(error);
    expect(said).toContain('***');
    expect(said).not.toContain(written);
    expect(said).not.toContain('s&s');
  }
});

test("somebody else's error that holds a secret anywhere is not handed on, but what it says", () => {
  const cause = Object.assign(new TypeError(`Invalid URL ${secret}`), { code: 'ERR_INVALID_URL', input: secret });
  const said = everythingOf(new TransferError('no', { cause }));
  expect(said).not.toContain('s&s');
  expect(said).toContain('Invalid URL ***');
  expect(new TransferError('no', { cause })).toMatchObject({ cause: { name: 'TypeError', code: 'ERR_INVALID_URL' } });

  const harmless = new Error('no secret');
  expect(new TransferError('no', { cause: harmless }).cause).toBe(harmless);
});

test('what is too short to be told from a word is left', () => {
  expect(new VimProtocolError('abab').message).toBe('abab');
});

test('a message is one line', () => {
  expect(new VimProtocolError('a\r\nb\u2028c\0d').message).toBe('a b c d');
});

test.each([
  ['before', ['7b2', 'f0e1d7b2c3a4']],
  ['after', ['a9b8c7d6e5f4', 'd6e']],
])('a short secret that is remembered %s a long one that holds it does not uncover that one', (_, secrets) => {
  rememberSecrets(...secrets);
  const long = secrets.find((each) => each.length > 3)!;
  expect(new VimProtocolError(`it says ${long}.`).message).toBe('it says ***.');
});

/** Texts that are cut within the secret, wherever that is, and of which nothing but spaces, tags and secrets comes before. */
describe.each([
  ['spaces', (length: number) => ' '.repeat(length)],
  ['tags', (length: number) => `<${'a'.repeat(98)}>`.repeat(Math.ceil(length / 100)).slice(-length)],
  ['secrets', (length: number) => 'c0ffee-c0ffee-c0ffee-c0ffee-'.repeat(Math.ceil(length / 28)).slice(-length)],
])('a secret behind many %s', (_, many) => {
  test.each([2_000, 4_000, 16_384])('is not said in part where the text is cut after %d characters', (cut) => {
    rememberSecrets('c0ffee-c0ffee-c0ffee-c0ffee-', '0123456789-abcdefgh-9876543210');
    const text = `${many(cut - 10)}0123456789-abcdefgh-9876543210`;
    const answer = { statusCode: 403, headers: {} } as IncomingMessage;
    for (const said of [reasonOf(new Error(text)), statusError('what', answer, text).message]) {
      expect(said).not.toContain('01234');
    }
  });
});

test('the oldest secrets are forgotten, not the newest', () => {
  rememberSecrets('oldest-secret', ...Array.from({ length: 1_100 }, (_, n) => `secret-number-${n}-`));
  expect(new VimProtocolError('oldest-secret secret-number-1099-').message).toBe('oldest-secret ***');
});
