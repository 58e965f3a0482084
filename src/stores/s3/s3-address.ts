import { encodePath, encodeStrictly } from '../http/endpoint.js';

/** Parameters of a query. One without a value is an empty string. */
export type S3Query = Readonly<Record<string, string>>;

/** Where a bucket is. */
export class S3Address {
  readonly #base: string;

  /** @param isPathStyle whether the bucket stands in the path; it is a part of the host's name otherwise */
  constructor(endpoint: string, bucket: string, isPathStyle: boolean) {
    const { protocol, host, pathname } = new URL(endpoint);
    const path = pathname.replace(/\/+$/, '');
    this.#base = isPathStyle
      ? `${protocol}//${host}${path}/${encodeStrictly(bucket)}`
      : `${protocol}//${bucket}.${host}${path}`;
  }

  /** @param path the object's whole key, prefix included; empty for the bucket itself */
  url(path: string, query: S3Query = {}): URL {
    const parameters = Object.entries(query).map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`);
    const search = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
    return new URL(`${this.#base}${path === '' ? '/' : `/${encodePath(path)}`}${search}`);
  }
}

/** Whether a bucket of this endpoint is addressed in the path, where nobody says so: AWS alone asks for the host's name. */
export function isPathStyleByDefault(endpoint: string, bucket: string): boolean {
  const isAws = /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(new URL(endpoint).hostname);
  // A dot would make the name another than its certificate's.
  return !isAws || bucket.includes('.');
}
