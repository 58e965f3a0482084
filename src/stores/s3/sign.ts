import { createHash, createHmac } from 'node:crypto';
import { types } from 'node:util';
import { StoreError } from '../../errors/index.js';
import type { HttpHeaders } from '../http/http-client.js';
import type { S3Keys } from './s3-credentials.js';

/** A request as it is signed. */
export interface UnsignedRequest {
  readonly method: string;
  readonly url: URL;
  /** The query's parameters, as they stand in the URL, not encoded. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: HttpHeaders;
}

/** Gives the header fields of a request, its signature among them. */
export type Sign = (request: UnsignedRequest, credentials: S3Keys, now: Date) => Promise<HttpHeaders>;

/** SHA-256 in the shape the signer asks for. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): never {
    throw new Error('a hash is used once');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === 'string') return data;
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Loads AWS's own signer.
 *
 * @throws StoreError where it is not installed
 */
export async function loadSigner(region: string): Promise<Sign> {
  const { SignatureV4 } = await import('@smithy/signature-v4').catch((cause: unknown) => {
    throw new StoreError(
      'failed',
      'S3ObjectStore needs a package that is not installed: npm install @smithy/signature-v4',
      { cause },
    );
  });
  return async ({ method, url, query, headers }, { accessKeyId, secretAccessKey, sessionToken }, now) => {
    const signer = new SignatureV4({
      service: 's3',
      region,
      sha256: Sha256,
      // S3 alone takes paths as they are.
      uriEscapePath: false,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    });
    const request = {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: { ...query },
      headers: { ...headers, host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    };
    return (await signer.sign(request, { signingDate: now })).headers;
  };
}
