import { Readable } from 'node:stream';
import {
  AbortError,
  InvalidInputError,
  ObjectNotFoundError,
  StoreError,
  throwIfAborted,
} from '../../src/errors/index.js';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
  StoreCapabilities,
} from '../../src/stores/index.js';

interface StoredObject {
  bytes: Buffer;
  lastModified: Date;
  retainUntil?: Date | undefined;
}

/** The smallest store that keeps the whole contract, locks included. It is for tests, since it holds every object in memory. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, StoredObject>();
  capabilities: StoreCapabilities = { ifAbsent: 'atomic', retention: true };
  #last = 0;
  /** The store's clock: no two puts are of one moment, as none are where a put takes the time that it does. */
  now = () => new Date((this.#last = Math.max(Date.now(), this.#last + 1)));

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const { ifAbsent = false, retainUntil, signal } = options;
    check(key);
    throwIfAborted(signal);
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body);
    if (ifAbsent && this.objects.has(key)) return { created: false };
    this.objects.set(key, { bytes, lastModified: this.now(), retainUntil });
    return { created: true };
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Readable> {
    check(key);
    throwIfAborted(signal);
    const object = this.objects.get(key);
    if (object === undefined) throw new ObjectNotFoundError(key);
    const { bytes } = object;
    const { offset, length = bytes.length - offset } = range ?? { offset: 0 };
    if (range !== undefined && (length < 1 || offset + length > bytes.length)) {
      throw new StoreError('failed', `${key} has no such bytes`);
    }
    const stream = Readable.from(chunksOf(bytes.subarray(offset, offset + length)), { objectMode: false });
    signal?.addEventListener('abort', () => stream.destroy(new AbortError(signal)), { once: true });
    return stream;
  }

  async stat(key: string, { signal }: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    check(key);
    throwIfAborted(signal);
    const object = this.objects.get(key);
    if (object === undefined) return undefined;
    const { bytes, lastModified, retainUntil } = object;
    return { key, size: bytes.length, lastModified, ...(retainUntil === undefined ? {} : { retainUntil }) };
  }

  async *list(prefix: string, { signal }: StoreCallOptions = {}): AsyncGenerator<ObjectInfo> {
    throwIfAborted(signal);
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const object = this.objects.get(key);
      if (object !== undefined) yield { key, size: object.bytes.length, lastModified: object.lastModified };
    }
  }

  async delete(keys: readonly string[], { signal }: StoreCallOptions = {}): Promise<DeleteResult> {
    throwIfAborted(signal);
    const result = { deleted: [] as string[], missing: [] as string[], retained: [] as string[], failed: [] };
    for (const key of keys) {
      const { retainUntil } = this.objects.get(key) ?? {};
      if (retainUntil !== undefined && retainUntil > this.now()) result.retained.push(key);
      else (this.objects.delete(key) ? result.deleted : result.missing).push(key);
    }
    return result;
  }

  async extendRetention(key: string, until: Date): Promise<void> {
    const object = this.objects.get(key);
    if (object === undefined) throw new ObjectNotFoundError(key);
    if (object.retainUntil === undefined || object.retainUntil < until) object.retainUntil = until;
  }
}

function check(key: string): void {
  const isKey = key.split('/').every((segment) => !['', '.', '..'].includes(segment)) && !/\p{Cc}/u.test(key);
  if (!isKey || Buffer.byteLength(key) > 1024) throw new InvalidInputError('key', 'is none');
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) yield bytes.subarray(offset, offset + 65_536);
}
