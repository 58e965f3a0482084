import type { Readable } from 'node:stream';
import type { VmdkDriverError } from '../errors/index.js';

/** What every call takes. */
export interface StoreCallOptions {
  /** Aborts the call, which then rejects with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/** The bytes of an object: one buffer, or several that follow each other. They must not change before `put` settles. */
export type ObjectBody = Uint8Array | readonly Uint8Array[];

/** How an object is put. */
export interface PutOptions extends StoreCallOptions {
  /** Puts the object only where none of this key is. How far that can be relied on, `capabilities.ifAbsent` tells. */
  readonly ifAbsent?: boolean | undefined;
  /**
   * Until then nobody can remove or change the object. A store that cannot promise that, and prove it, rejects, and the object is
   * not there.
   */
  readonly retainUntil?: Date | undefined;
}

/** What became of a put. */
export interface PutResult {
  /** False where `ifAbsent` found an object of this key; that one is as it was. */
  readonly created: boolean;
}

/** A part of an object. */
export interface ByteRange {
  /** The first byte, counted from 0. */
  readonly offset: number;
  /** How many bytes, at least 1; to the object's end where it is left out. */
  readonly length?: number | undefined;
}

/** How an object is read. */
export interface GetOptions extends StoreCallOptions {
  /** Reads this part only. A part the object does not have is an error. */
  readonly range?: ByteRange | undefined;
}

/** What a store knows of an object. */
export interface ObjectInfo {
  readonly key: string;
  /** Length in bytes. */
  readonly size: number;
  /** When it was put, by the store's clock. A store may round it down to seconds. */
  readonly lastModified: Date;
  /** Until when it is locked. Only `stat` tells; `list` does not. */
  readonly retainUntil?: Date | undefined;
}

/** What became of each key. */
export interface DeleteResult {
  /** These are gone. */
  readonly deleted: readonly string[];
  /** There was nothing to delete. A store that cannot tell that counts them as deleted. */
  readonly missing: readonly string[];
  /** These are locked, and still there. */
  readonly retained: readonly string[];
  /** These may still be there. */
  readonly failed: readonly { readonly key: string; readonly error: VmdkDriverError }[];
}

/** What a store can do. What it does not say, it cannot. */
export interface StoreCapabilities {
  /**
   * `atomic`: of any number of puts with `ifAbsent` at once, exactly one creates the object. `advisory`: an object that is there
   * already is seen, but of several puts at once more than one may win. `none`: such a put rejects.
   */
  readonly ifAbsent?: 'atomic' | 'advisory' | 'none' | undefined;
  /** Whether it takes `retainUntil` and has `extendRetention`. */
  readonly retention?: boolean | undefined;
  /** The largest object it takes, in bytes. */
  readonly maxObjectBytes?: number | undefined;
}

/**
 * Where objects lie: a directory, S3, Swift.
 *
 * A key is 1 to 1024 bytes of UTF-8: segments separated by `/`, none of them empty, `.` or `..`, without control characters. No
 * object's key may be the beginning of another's path: where there is `a/b`, there is no `a`.
 *
 * All methods reject with an `AbortError` once their `signal` is aborted, with an `InvalidInputError` for what they do not take, and
 * with a `StoreError` where the store fails.
 */
export interface ObjectStore {
  /** What the store can do; nothing beyond the methods where it is left out. */
  readonly capabilities?: StoreCapabilities | undefined;

  /**
   * Puts an object, in place of one of the same key. When it resolves, the object is durable and whole. Where it rejects, nothing of
   * it can be seen, except that a connection may break after the last byte: then the object is whole or not there.
   */
  put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult>;

  /**
   * Reads an object. The stream ends with an error where it cannot be given whole: it never just ends early. Whoever does not read it
   * to its end has to destroy it.
   *
   * @throws ObjectNotFoundError
   */
  get(key: string, options?: GetOptions): Promise<Readable>;

  /** What the store knows of the object; undefined where there is none. */
  stat(key: string, options?: StoreCallOptions): Promise<ObjectInfo | undefined>;

  /**
   * The objects whose keys begin with the prefix, which may be empty, and may end within a segment; in the order of the keys' bytes.
   * Whether an object that was put or deleted meanwhile is among them is left open, and in a cluster of Swift also for
   * some time after.
   */
  list(prefix: string, options?: StoreCallOptions): AsyncIterable<ObjectInfo>;

  /** Deletes the objects. It never rejects for what happens to one key: the result tells. */
  delete(keys: readonly string[], options?: StoreCallOptions): Promise<DeleteResult>;

  /**
   * Locks an object that is there until a later time, and reads the lock back. An earlier time changes nothing.
   *
   * @throws ObjectNotFoundError
   */
  extendRetention?(key: string, until: Date, options?: StoreCallOptions): Promise<void>;
}
