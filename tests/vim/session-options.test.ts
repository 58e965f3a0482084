import { describe, expect, test } from '@jest/globals';
import { SoapVimSession, type SoapVimSessionOptions } from '../../src/vim/index.js';

const basic: SoapVimSessionOptions = { host: 'vcenter.example', username: 'u', password: 'p' };
const sha1 = 'AB'.repeat(20);

describe('options of SoapVimSession', () => {
  test.each<[string, Partial<Record<keyof SoapVimSessionOptions, unknown>> & Record<string, unknown>]>([
    ['options.host', { host: '' }],
    ['options.host', { host: 'a/b' }],
    ['options.host', { host: 'user@host' }],
    ['options.host', { host: '::zz' }],
    ['options.host', { host: 5 }],
    ['options.port', { port: 0 }],
    ['options.port', { port: 65536 }],
    ['options.port', { port: '443' }],
    ['options.username', { username: '' }],
    ['options.password', { password: undefined }],
    ['options.thumbprint', { thumbprint: '' }],
    ['options.thumbprint', { thumbprint: 'AB'.repeat(19) }],
    ['options.thumbprint', { thumbprint: `${sha1.slice(1)}G` }],
    ['options.thumbprint', { thumbprint: `AB:${'AB'.repeat(19)}` }],
    ['options.nfcThumbprint', { nfcThumbprint: 'AB' }],
    ['options.ca', { ca: 'no pem' }],
    ['options.ca', { ca: [] }],
    ['options.insecure', { insecure: 'yes' }],
    ['options.thumbprint', { thumbprint: sha1, insecure: true }],
    ['options.keepAliveIntervalMs', { keepAliveIntervalMs: 0 }],
    ['options.requestTimeoutMs', { requestTimeoutMs: Infinity }],
    ['options.requestTimeoutMs', { requestTimeoutMs: 2 ** 31 }],
    ['options.logger', { logger: { warn: 'yes' } }],
    ['options.passwrod', { passwrod: 'x' }],
  ])('%s is refused: %j', (field, options) => {
    expect(() => new SoapVimSession({ ...basic, ...options } as SoapVimSessionOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field }),
    );
  });

  test.each([sha1, sha1.toLowerCase(), `${'ab:'.repeat(19)}AB`, 'cd'.repeat(32), ` ${'CD:'.repeat(31)}CD `])(
    'thumbprint %s is taken',
    (thumbprint) => {
      new SoapVimSession({ ...basic, thumbprint });
    },
  );

  test.each([
    [' vcenter.example\n', 'vcenter.example'],
    ['[fe80::1]', 'fe80::1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('host %j is %s', (host, expected) => {
    const session = new SoapVimSession({ ...basic, host });
    expect(session.host).toBe(expected);
    expect(session.port).toBe(443);
  });

  test('`insecure: false` beside a pin is no contradiction', () => {
    new SoapVimSession({ ...basic, thumbprint: sha1, insecure: false });
  });

  test('an error does not show the password', () => {
    const options = { ...basic, password: 'hunter2hunter2', port: -1 };
    expect(() => new SoapVimSession(options)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });
});
