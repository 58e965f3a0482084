import type { Readable } from 'node:stream';
import * as z from 'zod';
import { InvalidInputError, ObjectNotFoundError, StoreError } from '../../errors/index.js';
import { parseInput } from '../../parse-input.js';
import {
  buffersOf,
  checkKey,
  checkKeys,
  checkPrefix,
  dateSchema,
  parseCallOptions,
  parseGetOptions,
  parsePutOptions,
} from '../arguments.js';
import { wasNotSent } from '../http/connection-error.js';
import { endpointSchema, httpOptionsShape } from '../http/endpoint.js';
import { HttpClient } from '../http/http-client.js';
import { md5Of } from '../http/md5.js';
import { openObject } from '../http/open-object.js';
import { retryDelaysMs } from '../http/retry.js';
import { defaultStallTimeoutMs } from '../http/stall-timer.js';
import { keepsContract } from '../keeps-contract.js';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
} from '../object-store.js';
import { deleteObjects } from './delete.js';
import { listObjects } from './list.js';
import { assertLocked, head, lock, lockHeaders, removeVersion } from './retention.js';
import { isPathStyleByDefault } from './s3-address.js';
import { S3Client } from './s3-client.js';
import { type S3Credentials, type S3CredentialsProvider, s3CredentialsSchema } from './s3-credentials.js';

/** How an {@link S3ObjectStore} is set up. */
export interface S3ObjectStoreOptions {
  /** URL of the S3 interface, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  /** The region that requests are signed for, such as `eu-central-1`; many servers other than AWS take any. */
  readonly region: string;
  /** The bucket, which must exist. */
  readonly bucket: string;
  /** A folder of the bucket that all objects go to. Default: none. */
  readonly prefix?: string | undefined;
  /** The keys, or what gives them: any function of `@aws-sdk/credential-providers`. */
  readonly credentials: S3Credentials | S3CredentialsProvider;
  /** Whether the bucket stands in the path of URLs. Default: only AWS has it in the host's name. */
  readonly pathStyle?: boolean | undefined;
  /** PEM of the certificate authorities to trust instead of the system's. */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * How long no byte may move, in milliseconds, 24 days at the most. Default: 120,000. There is no limit on how long a request takes
   * altogether.
   */
  readonly stallTimeoutMs?: number | undefined;
  /** @internal */
  readonly retryDelaysMs?: readonly number[] | undefined;
}

const optionsSchema = z.strictObject({
  ...httpOptionsShape,
  endpoint: endpointSchema,
  region: z.string().min(1),
  bucket: z.string().regex(/^[A-Za-z0-9._-]{3,255}$/, 'must be the name of a bucket'),
  credentials: z.union([z.custom<S3CredentialsProvider>((value) => typeof value === 'function'), s3CredentialsSchema]),
  pathStyle: z.boolean().optional(),
});

/** The largest object that one PUT takes, in bytes. */
const maxObjectBytes = 5 * 1024 ** 3;

/**
 * Keeps objects in a bucket of S3: of AWS, of Ceph's radosgw, of Swift's S3 interface, or any other.
 *
 * Requests are signed by AWS's own `@smithy/signature-v4`, an optional peer that is loaded with the first of them. Each PUT carries its
 * MD5, which the server compares. Requests that fail in a way that passes are repeated for about half a minute.
 *
 * `retainUntil` and `extendRetention` need a bucket with Object Lock; each lock is read back, and a put whose object is not locked rejects
 * with a `StoreError` of the reason `no-retention`. `ifAbsent` looks first and then asks the server to refuse as well, which AWS and some
 * others do.
 */
export class S3ObjectStore implements ObjectStore {
  readonly capabilities = { ifAbsent: 'advisory', retention: true, maxObjectBytes } as const;
  readonly #client: S3Client;
  readonly #folder: string;
  /** Whether the bucket is known to be there: where it is not, a missing object is no proof of anything. */
  #hasBucket = false;

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: S3ObjectStoreOptions) {
    const parsed = parseInput('options', optionsSchema, options);
    this.#folder = parsed.prefix;
    const { endpoint, region, bucket, stallTimeoutMs = defaultStallTimeoutMs } = parsed;
    this.#client = new S3Client({
      endpoint,
      region,
      bucket,
      isPathStyle: parsed.pathStyle ?? isPathStyleByDefault(endpoint, bucket),
      credentials: parsed.credentials,
      http: new HttpClient({ ca: parsed.ca, stallTimeoutMs }),
      retryDelaysMs: parsed.retryDelaysMs ?? retryDelaysMs,
    });
  }

  /** @internal */
  [keepsContract](): boolean {
    return true;
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const { ifAbsent = false, retainUntil, signal } = parsePutOptions(options);
    const path = this.#pathOf(key);
    const { buffers, size } = buffersOf(body);
    if (size > maxObjectBytes)
      throw new InvalidInputError('body', `is larger than the ${maxObjectBytes} bytes of one PUT`);
    if (ifAbsent && (await this.stat(key, { signal })) !== undefined) return { created: false };
    const send = async (isConditional: boolean) =>
      this.#client.sendForHead({
        method: 'PUT',
        path,
        headers: {
          'content-md5': (await md5Of(buffers, signal)).toString('base64'),
          'content-type': 'application/octet-stream',
          ...(retainUntil === undefined ? {} : lockHeaders(retainUntil)),
          ...(isConditional ? { 'if-none-match': '*' } : {}),
        },
        body: { buffers, size },
        what: `${key} cannot be put`,
        locks: retainUntil !== undefined,
        accepts: isConditional ? [412, 501] : [],
        // Repeated after its answer was lost, it would find itself.
        ...(isConditional ? { isSafe: (error: StoreError) => wasNotSent(error) || error.reason === 'throttled' } : {}),
        signal,
      });
    let answer = await send(ifAbsent);
    // The server has no conditions. It was looked at before.
    if (answer.statusCode === 501) answer = await send(false);
    this.#hasBucket = true;
    if (answer.statusCode === 412) return { created: false };
    if (retainUntil !== undefined)
      await this.#assertLocked(key, answer.headers['x-amz-version-id'], retainUntil, signal);
    return { created: true };
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    const { range, signal } = parseGetOptions(options);
    const path = this.#pathOf(key);
    const client = this.#client;
    const { stallTimeoutMs } = client.reading(signal);
    try {
      return await openObject({
        key,
        range,
        peer: client.peer,
        send: (headers, wanted) =>
          client.send({
            method: 'GET',
            path,
            headers,
            what: `${key} cannot be read`,
            accepts: [404, 412, 416],
            signal: wanted,
          }),
        stallTimeoutMs,
        retryDelaysMs: client.retryDelaysMs,
        signal,
      });
    } catch (error) {
      if (error instanceof ObjectNotFoundError) await this.#assertBucket(signal);
      throw error;
    }
  }

  async stat(key: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    const { signal } = parseCallOptions(options);
    const found = await head(this.#client, this.#pathOf(key), undefined, signal);
    if (found === undefined) {
      await this.#assertBucket(signal);
      return undefined;
    }
    this.#hasBucket = true;
    const { size, lastModified, retainUntil } = found;
    return { key, size, lastModified, ...(retainUntil === undefined ? {} : { retainUntil }) };
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, undefined> {
    const { signal } = parseCallOptions(options);
    checkPrefix(prefix, Buffer.byteLength(this.#folder));
    for await (const info of listObjects(this.#client, this.#folder + prefix, signal)) {
      const key = info.key.slice(this.#folder.length);
      // A browser's marker of a folder is no object of ours.
      if (!key.endsWith('/') && key !== '') yield { ...info, key };
    }
  }

  async delete(keys: readonly string[], options: StoreCallOptions = {}): Promise<DeleteResult> {
    const { signal } = parseCallOptions(options);
    checkKeys(keys);
    const paths = keys.map((key) => this.#pathOf(key));
    if (paths.length === 0) return { deleted: [], missing: [], retained: [], failed: [] };
    const { deleted, missing, retained, failed } = await deleteObjects(this.#client, paths, signal);
    const keyOf = (path: string) => path.slice(this.#folder.length);
    return {
      deleted: deleted.map(keyOf),
      missing: missing.map(keyOf),
      retained: retained.map(keyOf),
      failed: failed.map(({ key, error }) => ({ key: keyOf(key), error })),
    };
  }

  async extendRetention(key: string, until: Date, options: StoreCallOptions = {}): Promise<void> {
    const { signal } = parseCallOptions(options);
    parseInput('until', dateSchema, until);
    try {
      await lock(this.#client, this.#pathOf(key), until, signal);
    } catch (error) {
      throw error instanceof ObjectNotFoundError ? new ObjectNotFoundError(key) : error;
    }
  }

  async #assertLocked(
    key: string,
    versionHeader: string | string[] | undefined,
    until: Date,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const path = this.#pathOf(key);
    const [versionId] = [versionHeader].flat();
    try {
      await assertLocked(this.#client, path, versionId, until, signal);
    } catch (error) {
      // It is not what was asked for: it shall not be there, and what it replaced shall.
      if (error instanceof StoreError) await removeVersion(this.#client, path, versionId).catch(() => undefined);
      throw error;
    }
  }

  /** @throws StoreError where the bucket is not there, or cannot be seen */
  async #assertBucket(signal: AbortSignal | undefined): Promise<void> {
    if (this.#hasBucket) return;
    const { statusCode: status = 0 } = await this.#client.sendForHead({
      method: 'HEAD',
      path: '',
      what: 'the bucket cannot be looked at',
      // Keys that may not look at the bucket may use its objects all the same.
      accepts: [403, 404],
      signal,
    });
    if (status === 404) {
      throw new StoreError('no-container', `${this.#client.peer}: there is no such bucket`, { status });
    }
    this.#hasBucket = true;
  }

  #pathOf(key: string): string {
    checkKey(key, Buffer.byteLength(this.#folder));
    return this.#folder + key;
  }
}
