import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';

/** A server's certificate and key. */
export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** SHA-1 of the certificate: hexadecimal, in pairs with colons between. */
  readonly thumbprint: string;
  /** SHA-256 of the certificate, in the same form. */
  readonly thumbprintSha256: string;
}

/** A certificate authority, as a vCenter is one for itself and its hosts. */
export interface Authority {
  /** PEM. */
  readonly cert: string;
  /** Issues a certificate for a loopback server. */
  issue(commonName: string, address: string): Promise<Certificate>;
}

/** Makes a certificate authority that nobody else has. */
export async function createAuthority(): Promise<Authority> {
  const authority = await generate([{ name: 'commonName', value: 'vmdk-driver simulator CA' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert: authority.cert,
    async issue(commonName, address) {
      const addresses = [...new Set(['127.0.0.1', '::1', address])].filter((entry) => /^[\d.]+$|:/.test(entry));
      const issued = await generate([{ name: 'commonName', value: commonName }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: authority.private, cert: authority.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true },
          {
            name: 'subjectAltName',
            altNames: [{ type: 2, value: 'localhost' }, ...addresses.map((ip) => ({ type: 7 as const, ip }))],
          },
        ],
      });
      const { fingerprint, fingerprint256 } = new X509Certificate(issued.cert);
      return { cert: issued.cert, key: issued.private, thumbprint: fingerprint, thumbprintSha256: fingerprint256 };
    },
  };
}
