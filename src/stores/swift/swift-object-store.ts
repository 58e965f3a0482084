import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { InvalidInputError, ObjectNotFoundError, StoreError } from '../../errors/index.js';
import { parseInput } from '../../parse-input.js';
import {
  buffersOf,
  checkKey,
  checkKeys,
  checkPrefix,
  parseCallOptions,
  parseGetOptions,
  parsePutOptions,
} from '../arguments.js';
import { wasNotSent } from '../http/connection-error.js';
import { httpOptionsShape } from '../http/endpoint.js';
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
import { bulkDeleteSize, deleteObjects } from './delete.js';
import { listObjects, noContainer } from './list.js';
import { type SwiftAuth, swiftAuthSchema } from './swift-auth.js';
import { SwiftClient } from './swift-client.js';

/** How a {@link SwiftObjectStore} is set up. */
export interface SwiftObjectStoreOptions {
  /** How it gets its token. */
  readonly auth: SwiftAuth;
  /** The container, which must exist. */
  readonly container: string;
  /** A folder of the container that all objects go to. Default: none. */
  readonly prefix?: string | undefined;
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
  auth: swiftAuthSchema,
  container: z
    .string()
    .min(1)
    .max(256)
    .refine((name) => !name.includes('/') && !/\p{Cc}/u.test(name), 'must be the name of a container'),
});

/**
 * Has Swift ask every replica, and answer with the newest. Without it the first one answers, which has the old object where it was away while
 * a new one was put. Ranges do without: they are of packs, which are put once only, and mostly small, so that asking all would cost much.
 * Ceph's radosgw has no old replicas, and passes over it.
 */
const newestOfAll = { 'x-newest': 'true' };

/** The largest object that is not a large object of segments, in bytes. */
const maxObjectBytes = 5 * 1024 ** 3;

/**
 * Keeps objects in a container of OpenStack Swift, or of Ceph's radosgw by its Swift interface.
 *
 * Each PUT carries its MD5, which the server compares, and each whole GET is compared with the MD5 that the server tells of. The token is
 * renewed before it ends and when it is refused, once for all that wait for it. Requests that fail in a way that passes are repeated for
 * about half a minute. No large objects (SLO, DLO) are made. A whole object, and what is known of one, is the newest that any replica has.
 *
 * Swift locks nothing, and does not decide between several that put a key with `ifAbsent` at once.
 */
export class SwiftObjectStore implements ObjectStore {
  readonly capabilities = { ifAbsent: 'advisory', retention: false, maxObjectBytes } as const;
  readonly #client: SwiftClient;
  readonly #folder: string;
  /** Whether the container is known to be there: where it is not, a missing object is no proof of anything. */
  #hasContainer = false;
  #bulkSize: number | undefined;

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: SwiftObjectStoreOptions) {
    const parsed = parseInput('options', optionsSchema, options);
    this.#folder = parsed.prefix;
    const { container, ca, stallTimeoutMs = defaultStallTimeoutMs } = parsed;
    this.#client = new SwiftClient({
      // As it was given: the function may need its `this`.
      auth: options.auth,
      container,
      http: new HttpClient({ ca, stallTimeoutMs }),
      retryDelaysMs: parsed.retryDelaysMs ?? retryDelaysMs,
    });
  }

  /** @internal */
  [keepsContract](): boolean {
    return true;
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const { ifAbsent = false, retainUntil, signal } = parsePutOptions(options);
    const object = this.#nameOf(key);
    const { buffers, size } = buffersOf(body);
    if (size > maxObjectBytes)
      throw new InvalidInputError('body', `is larger than the ${maxObjectBytes} bytes of one PUT`);
    if (retainUntil !== undefined) throw new InvalidInputError('options.retainUntil', 'Swift cannot lock objects');
    if (ifAbsent && (await this.stat(key, { signal })) !== undefined) return { created: false };
    const md5 = (await md5Of(buffers, signal)).toString('hex');
    const answer = await this.#client.sendForHead({
      method: 'PUT',
      target: { object },
      headers: {
        etag: md5,
        'content-type': 'application/octet-stream',
        ...(ifAbsent ? { 'if-none-match': '*' } : {}),
      },
      body: { buffers, size },
      what: `${key} cannot be put`,
      accepts: ifAbsent ? [404, 412] : [404],
      // Repeated after its answer was lost, it would find itself.
      ...(ifAbsent ? { isSafe: (error: StoreError) => wasNotSent(error) || error.reason === 'throttled' } : {}),
      signal,
    });
    if (answer.statusCode === 404) throw noContainer(this.#client, await this.#client.peer(signal));
    this.#hasContainer = true;
    if (answer.statusCode === 412) return { created: false };
    const stored = md5Told(answer);
    if (stored !== undefined && stored !== md5) {
      await this.delete([key]).catch(() => undefined);
      throw new StoreError('integrity', `${key}: the store has other bytes than it was sent`);
    }
    return { created: true };
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    const { range, signal } = parseGetOptions(options);
    const object = this.#nameOf(key);
    const { stallTimeoutMs, retryDelaysMs: delays } = this.#client;
    // Also what goes on with a whole object where its stream broke: another replica may have the old one.
    const replicas = range === undefined ? newestOfAll : {};
    try {
      return await openObject({
        key,
        range,
        peer: await this.#client.peer(signal),
        send: (headers, wanted) =>
          this.#client.send({
            method: 'GET',
            target: { object },
            headers: { ...headers, ...replicas },
            what: `${key} cannot be read`,
            accepts: [404, 412, 416],
            signal: wanted,
          }),
        md5Of: md5Told,
        stallTimeoutMs,
        retryDelaysMs: delays,
        signal,
      });
    } catch (error) {
      if (error instanceof ObjectNotFoundError) await this.#assertContainer(signal);
      throw error;
    }
  }

  async stat(key: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    const { signal } = parseCallOptions(options);
    const { statusCode, headers } = await this.#client.sendForHead({
      method: 'HEAD',
      target: { object: this.#nameOf(key) },
      headers: newestOfAll,
      what: `${key} cannot be looked at`,
      accepts: [404],
      signal,
    });
    if (statusCode === 404) {
      await this.#assertContainer(signal);
      return undefined;
    }
    this.#hasContainer = true;
    const size = Number(headers['content-length']);
    const seconds = Number(headers['x-timestamp'] ?? Number.NaN);
    const lastModified = Number.isFinite(seconds) ? new Date(seconds * 1000) : new Date(headers['last-modified'] ?? '');
    if (!Number.isSafeInteger(size) || Number.isNaN(lastModified.getTime())) {
      throw new StoreError('protocol', `${key}: the store does not tell its size and time`);
    }
    return { key, size, lastModified };
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, undefined> {
    const { signal } = parseCallOptions(options);
    checkPrefix(prefix, Buffer.byteLength(this.#folder));
    for await (const info of listObjects(this.#client, this.#folder + prefix, signal)) {
      this.#hasContainer = true;
      const key = info.key.slice(this.#folder.length);
      // A browser's marker of a folder is no object of ours.
      if (!key.endsWith('/') && key !== '') yield { ...info, key };
    }
  }

  async delete(keys: readonly string[], options: StoreCallOptions = {}): Promise<DeleteResult> {
    const { signal } = parseCallOptions(options);
    checkKeys(keys);
    const names = keys.map((key) => this.#nameOf(key));
    if (names.length === 0) return { deleted: [], missing: [], retained: [], failed: [] };
    const bulkSize = names.length === 1 ? 0 : (this.#bulkSize ??= await bulkDeleteSize(this.#client, signal));
    const { deleted, missing, failed } = await deleteObjects(this.#client, names, bulkSize, signal);
    const keyOf = (name: string) => name.slice(this.#folder.length);
    return {
      deleted: deleted.map(keyOf),
      missing: missing.map(keyOf),
      retained: [],
      failed: failed.map(({ key, error }) => ({ key: keyOf(key), error })),
    };
  }

  /** @throws StoreError where the container is not there, or cannot be seen */
  async #assertContainer(signal: AbortSignal | undefined): Promise<void> {
    if (this.#hasContainer) return;
    const { statusCode } = await this.#client.sendForHead({
      method: 'HEAD',
      target: 'container',
      what: 'the container cannot be looked at',
      // A user who may not look at the container may use its objects all the same.
      accepts: [403, 404],
      signal,
    });
    if (statusCode === 404) throw noContainer(this.#client, await this.#client.peer(signal));
    this.#hasContainer = true;
  }

  #nameOf(key: string): string {
    checkKey(key, Buffer.byteLength(this.#folder));
    return this.#folder + key;
  }
}

/** The MD5 of an object's bytes; undefined where its ETag is something else, as a large object's is. */
function md5Told({ headers }: IncomingMessage): string | undefined {
  if (headers['x-static-large-object'] !== undefined || headers['x-object-manifest'] !== undefined) return undefined;
  return /^"?([0-9a-f]{32})"?$/.exec(headers.etag ?? '')?.[1];
}
