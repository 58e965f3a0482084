import type { Readable } from 'node:stream';
import * as z from 'zod';
import { boundedCall } from '../bounded-call.js';
import { mayPass } from '../errors/foreign-error.js';
import { AbortError, StoreError, throwIfAborted, VmdkDriverError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import { withMethods } from '../live-input.js';
import { byteStream } from '../stream/byte-stream.js';
import { type FillingStream, fills } from '../stream/read-into.js';
import { dateSchema } from './arguments.js';
import { isOwnStore, keepsContract } from './keeps-contract.js';
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
} from './object-store.js';
import { unfinishedWrite, UnfinishedWrites } from './unfinished-writes.js';

/** What is said in a way that is not understood is not said; the rest is. */
const capabilitiesSchema = z.object({
  ifAbsent: z.enum(['atomic', 'advisory', 'none']).optional().catch(undefined),
  retention: z.boolean().optional().catch(undefined),
  maxObjectBytes: z.number().positive().optional().catch(undefined),
});
const putResultSchema = z.object({ created: z.boolean() });
const infoSchema = z.object({
  key: z.string().min(1),
  size: z.int().nonnegative(),
  lastModified: dateSchema,
  retainUntil: dateSchema.optional(),
});
const keysSchema = z.array(z.string());
const deleteResultSchema = z.object({
  deleted: keysSchema,
  missing: keysSchema,
  retained: keysSchema,
  failed: z.array(z.object({ key: z.string(), error: z.unknown() })),
});

/** A store that an application hands over, guarded. */
export const objectStoreSchema = withMethods<ObjectStore>(
  ['put', 'get', 'stat', 'list', 'delete'],
  ['extendRetention'],
).transform(guardObjectStore);

/**
 * A store of somebody else's, made trustworthy: whatever it throws, rejects with, resolves to or never answers, its caller meets a store
 * that keeps the contract or fails with one of the library's errors.
 *
 * A call that goes on for too long after its signal was aborted is left behind. While a put or a deletion that was given up has not
 * ended, nothing else is put there, and what is deleted does not count as gone. What the package's own stores give is given as it is.
 */
export function guardObjectStore(store: ObjectStore): ObjectStore {
  return isOwnStore(store) ? store : new GuardedObjectStore(store);
}

class GuardedObjectStore implements ObjectStore {
  readonly extendRetention?: NonNullable<ObjectStore['extendRetention']>;
  readonly #store: ObjectStore;
  readonly #writes: UnfinishedWrites;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#writes = new UnfinishedWrites(store);
    if (store.extendRetention === undefined) return;
    this.extendRetention = (key, until, options = {}) =>
      storeCall('extendRetention()', options.signal, async () => {
        await store.extendRetention?.(key, until, options);
      });
  }

  [keepsContract](): boolean {
    return true;
  }

  get capabilities(): StoreCapabilities | undefined {
    try {
      return capabilitiesSchema.safeParse(this.#store.capabilities).data;
    } catch {
      // What it does not say, it cannot.
      return undefined;
    }
  }

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const { signal } = options;
    return storeCall('put()', signal, async () => {
      await this.#writes.settle(key, signal);
      const write = { kind: 'put', keys: [key], signal } as const;
      const answer = this.#writes.run(write, async () => this.#store.put(key, body, options));
      return parseAnswer('put()', putResultSchema, await answer);
    });
  }

  get(key: string, options: GetOptions = {}): Promise<Readable> {
    const { signal } = options;
    return storeCall(
      'get()',
      signal,
      async () => streamOf(await this.#store.get(key, options), signal),
      (late) => late?.destroy(),
    );
  }

  stat(key: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    return storeCall('stat()', options.signal, async () => {
      const answer: unknown = await this.#store.stat(key, options);
      // What some call none.
      return answer === undefined || answer === null ? undefined : parseAnswer('stat()', infoSchema, answer);
    });
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, undefined> {
    const { signal } = options;
    const items = await storeCall('list()', signal, async () =>
      // A list that is promised may be refused.
      iteratorOf(await (this.#store.list(prefix, options) as unknown)),
    );
    const next = async (): Promise<ObjectInfo | undefined> => {
      const { done, value } = await items.next();
      return done === true ? undefined : parseListed(prefix, value);
    };
    let isDone = false;
    try {
      for (;;) {
        const info = await storeCall('list()', signal, next);
        isDone = info === undefined;
        if (info === undefined) return;
        yield info;
      }
    } finally {
      if (!isDone) letGo(items);
    }
  }

  delete(keys: readonly string[], options: StoreCallOptions = {}): Promise<DeleteResult> {
    const { signal } = options;
    return storeCall('delete()', signal, async () => {
      const reappearing = keys.filter((key) => this.#writes.mayReappear(key));
      const write = { kind: 'delete', keys, signal } as const;
      // A copy: it may take the keys off one by one.
      const answer = this.#writes.run(write, async () => this.#store.delete([...keys], options));
      return withReappearing(parseDeletion(keys, await answer), reappearing);
    });
  }
}

/**
 * Calls somebody else's store.
 *
 * @param method for messages
 * @param onLate told when a call that was left behind has ended after all
 * @throws StoreError that says why it failed; AbortError, with `cleanup: 'pending'` where the call was left behind
 */
async function storeCall<T>(
  method: string,
  signal: AbortSignal | undefined,
  call: () => T | Promise<T>,
  onLate?: (value: T | undefined) => void,
): Promise<T> {
  try {
    throwIfAborted(signal);
    if (signal === undefined) return await call();
    return await boundedCall({ call, signal, onTimeUp: () => leftBehind(signal), onLate });
  } catch (error) {
    if (signal?.aborted === true) throw error instanceof AbortError ? error : new AbortError(signal);
    // One of ours keeps what it says. But nobody aborted the call, whatever the store did to itself.
    if (error instanceof VmdkDriverError && !(error instanceof AbortError)) throw error;
    throw storeError(`${method}: ${reasonOf(error)}`, error);
  }
}

function leftBehind(signal: AbortSignal): AbortError {
  const error = new AbortError(signal);
  error.cleanup = 'pending';
  return error;
}

function storeError(reason: string, cause?: unknown): StoreError {
  return new StoreError('failed', `the object store failed: ${reason}`, { cause, retryable: mayPass(cause) });
}

function brokenContract(method: string, how: string): StoreError {
  return new StoreError('protocol', `the object store failed: ${method} ${how}`);
}

function parseAnswer<T>(method: string, schema: z.ZodType<T>, answer: unknown): T {
  const { data, error } = schema.safeParse(answer);
  if (error === undefined) return data;
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'its answer' : issue.path.join('.');
  throw brokenContract(method, `gave what a store must not give: ${where}: ${issue?.message ?? 'is not valid'}`);
}

function parseListed(prefix: string, item: unknown): ObjectInfo {
  const info = parseAnswer('list()', infoSchema, item);
  // Whoever deletes what is listed would delete somebody else's.
  if (!info.key.startsWith(prefix)) throw brokenContract('list()', `gave ${info.key}, which was not asked for`);
  return info;
}

/** A key that nothing is said of may still be there. */
function parseDeletion(keys: readonly string[], answer: unknown): DeleteResult {
  const { deleted, missing, retained, failed } = parseAnswer('delete()', deleteResultSchema, answer);
  const failures = failed.map(({ key, error }) => ({
    key,
    error: error instanceof VmdkDriverError ? error : storeError(`delete(): ${reasonOf(error)}`, error),
  }));
  const told = new Set([...deleted, ...missing, ...retained, ...failed.map(({ key }) => key)]);
  const untold = keys
    .filter((key) => !told.has(key))
    .map((key) => ({ key, error: brokenContract('delete()', `does not say whether ${key} was deleted`) }));
  return { deleted, missing, retained, failed: [...failures, ...untold] };
}

/** Of these keys it cannot be said that they stay deleted. */
function withReappearing(result: DeleteResult, keys: readonly string[]): DeleteResult {
  if (keys.length === 0) return result;
  const { deleted, missing, failed } = result;
  const stays = (key: string) => !keys.includes(key);
  const failures = [...deleted, ...missing]
    .filter((key) => !stays(key))
    .map((key) => ({ key, error: unfinishedWrite(key) }));
  return {
    ...result,
    deleted: deleted.filter(stays),
    missing: missing.filter(stays),
    failed: [...failed, ...failures],
  };
}

/** What the package's own streams give is given as it is; anybody else's ends with the signal, and its errors are typed. */
function streamOf(given: unknown, signal: AbortSignal | undefined): Readable {
  if (typeof given === 'object' && given !== null && fills in given) return given as FillingStream;
  const stream = byteStream(given, storeError);
  if (signal === undefined) return stream;
  const onAbort = (): void => {
    stream.destroy(new AbortError(signal));
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return stream.once('close', () => {
    signal.removeEventListener('abort', onAbort);
  });
}

/** What a list is taken from. */
type Items = AsyncIterator<unknown, unknown> | Iterator<unknown, unknown>;

function iteratorOf(items: unknown): Items {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = (items ?? {}) as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >;
  const begin: unknown = asynchronous ?? synchronous;
  if (typeof begin !== 'function') throw brokenContract('list()', 'gave nothing that can be iterated over');
  return begin.call(items) as Items;
}

/** Ends a list that is not read to its end. It is not waited for: it may be what never answers. */
function letGo(items: Items): void {
  const ending = async (): Promise<void> => {
    await items.return?.();
  };
  ending().catch(() => undefined);
}
