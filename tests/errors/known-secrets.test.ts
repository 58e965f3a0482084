import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import {
  NoValidDatastoreError,
  TlsVerificationError,
  TransferError,
  VimFault,
  VimProtocolError,
  type VmdkDriverError,
} from '../../src/errors/index.js';
import { rememberSecrets } from '../../src/errors/known-secrets.js';

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

test('the oldest secrets are forgotten, not the newest', () => {
  rememberSecrets('oldest-secret', ...Array.from({ length: 1_100 }, (_, n) => `secret-number-${n}-`));
  expect(new VimProtocolError('oldest-secret secret-number-1099-').message).toBe('oldest-secret ***');
});
