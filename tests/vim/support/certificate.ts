import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';

/** A self-signed certificate and what identifies it. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  readonly sha1: string;
  readonly sha256: string;
}

/** Makes a certificate for `localhost`, `127.0.0.1` and `::1`, or for the given names. */
export async function makeCertificate(names: readonly string[] = ['localhost']): Promise<TestCertificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...(names.includes('localhost')
            ? [
                { type: 7 as const, ip: '127.0.0.1' },
                { type: 7 as const, ip: '::1' },
              ]
            : []),
        ],
      },
    ],
  });
  const { fingerprint, fingerprint256 } = new X509Certificate(cert);
  return { key, cert, sha1: fingerprint, sha256: fingerprint256 };
}
