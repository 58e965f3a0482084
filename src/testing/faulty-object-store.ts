import { once } from 'node:events';
import { Readable } from 'node:stream';
import { AbortError, StoreError } from '../errors/index.js';
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
} from '../stores/object-store.js';

/** One call of a store. */
export interface StoreCall {
  /** Counted from 1, over all methods. */
  readonly number: number;
  readonly method: 'put' | 'get' | 'stat' | 'list' | 'delete' | 'extendRetention';
  /** The key, all of them, or the prefix that is listed. */
  readonly keys: readonly string[];
}

/**
 * What goes wrong with a call.
 *
 * - `refuse`: it rejects, and nothing was done
 * - `lose-answer`: it rejects, and all of it was done
 * - `hang`: nothing happens until the signal is aborted
 * - `cut`: half of it: a stream or a list breaks in the middle with an error, a delete fails for the second half of its keys; a put and
 *   the others as `refuse`
 * - `end`: a stream or a list just ends in the middle, as if that were all; the others as `refuse`
 * - `corrupt`: one bit of what a `get` gives is another; the others as they are
 */
export type StoreFault = 'refuse' | 'lose-answer' | 'hang' | 'cut' | 'end' | 'corrupt';

/**
 * A store that fails on purpose: it hands each call on to another store, and spoils those that it is told.
 *
 * A process that dies at its nth call is `({ number }) => (number >= n ? 'refuse' : undefined)`.
 */
export class FaultyObjectStore implements ObjectStore {
  /** All calls so far. */
  readonly calls: StoreCall[] = [];
  readonly extendRetention?: NonNullable<ObjectStore['extendRetention']>;
  readonly #store: ObjectStore;
  readonly #faultOf: (call: StoreCall) => StoreFault | undefined;

  constructor(store: ObjectStore, faultOf: (call: StoreCall) => StoreFault | undefined) {
    this.#store = store;
    this.#faultOf = faultOf;
    const extend = store.extendRetention?.bind(store);
    if (extend !== undefined) {
      this.extendRetention = (key, until, options = {}) =>
        this.#run('extendRetention', [key], options, () => extend(key, until, options));
    }
  }

  get capabilities(): StoreCapabilities | undefined {
    return this.#store.capabilities;
  }

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    return this.#run('put', [key], options, () => this.#store.put(key, body, options));
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    const call = this.#begin('get', [key]);
    const fault = this.#faultOf(call);
    if (fault === undefined || fault === 'refuse' || fault === 'lose-answer' || fault === 'hang') {
      return this.#spoil(call, fault, options, () => this.#store.get(key, options));
    }
    return Readable.from(spoilt(await this.#store.get(key, options), call, fault), { objectMode: false });
  }

  stat(key: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    return this.#run('stat', [key], options, () => this.#store.stat(key, options));
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, undefined> {
    const call = this.#begin('list', [prefix]);
    const fault = this.#faultOf(call);
    const infos: ObjectInfo[] = [];
    await this.#spoil(call, fault === 'cut' || fault === 'end' ? undefined : fault, options, async () => {
      for await (const info of this.#store.list(prefix, options)) infos.push(info);
    });
    const isHalf = fault === 'cut' || fault === 'end';
    yield* isHalf ? infos.slice(0, Math.floor(infos.length / 2)) : infos;
    if (fault === 'cut') throw broken(call);
  }

  async delete(keys: readonly string[], options: StoreCallOptions = {}): Promise<DeleteResult> {
    const call = this.#begin('delete', keys);
    const fault = this.#faultOf(call);
    if (fault !== 'cut') return this.#spoil(call, fault, options, () => this.#store.delete(keys, options));
    const half = Math.floor(keys.length / 2);
    const result = await this.#store.delete(keys.slice(0, half), options);
    const failed = keys.slice(half).map((key) => ({ key, error: broken(call) }));
    return { ...result, failed: [...result.failed, ...failed] };
  }

  #begin(method: StoreCall['method'], keys: readonly string[]): StoreCall {
    const call = { number: this.calls.length + 1, method, keys };
    this.calls.push(call);
    return call;
  }

  async #run<T>(
    method: StoreCall['method'],
    keys: readonly string[],
    options: StoreCallOptions,
    action: () => Promise<T>,
  ): Promise<T> {
    const call = this.#begin(method, keys);
    return this.#spoil(call, this.#faultOf(call), options, action);
  }

  async #spoil<T>(
    call: StoreCall,
    fault: StoreFault | undefined,
    { signal }: StoreCallOptions,
    action: () => Promise<T>,
  ): Promise<T> {
    if (fault === undefined || fault === 'corrupt') return action();
    if (fault === 'hang') {
      // Without a signal it hangs for good, as told.
      if (signal?.aborted !== true) await (signal === undefined ? new Promise(() => undefined) : once(signal, 'abort'));
      throw new AbortError(signal ?? { reason: undefined });
    }
    if (fault === 'lose-answer') await action();
    throw broken(call);
  }
}

function broken({ method, number }: StoreCall): StoreError {
  return new StoreError('connection', `call ${number} of the store, ${method}, fails on purpose`);
}

async function* spoilt(
  stream: Readable,
  call: StoreCall,
  fault: 'cut' | 'end' | 'corrupt',
): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  const half = Math.floor(bytes.length / 2);
  if (fault === 'corrupt') {
    if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(half) ^ 1, half);
    yield bytes;
    return;
  }
  if (half > 0) yield bytes.subarray(0, half);
  if (fault === 'cut') throw broken(call);
}
