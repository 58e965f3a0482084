import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
} from '../../src/stores/index.js';
import { FaultyObjectStore, objectStoreChecks } from '../../src/testing/index.js';
import { describeChecks } from './describe-checks.js';
import { MemoryObjectStore } from './memory-object-store.js';

describeChecks(
  'a store that keeps the contract',
  objectStoreChecks(() => new MemoryObjectStore()),
  ['rejects'],
);

class NoConditions extends MemoryObjectStore {
  override capabilities = {};
  override async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    if (options.ifAbsent === true || options.retainUntil !== undefined) throw new Error('it cannot');
    return super.put(key, body, options);
  }
  override extendRetention = undefined as never;
}

describeChecks(
  'one that can do nothing beyond',
  objectStoreChecks(() => ({ store: new NoConditions() })),
  ['puts with ifAbsent', 'lets one of', 'does not delete a locked', 'extends'],
);

/** Rounds every object down to whole kibibytes. */
class Truncates extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    const bytes = Buffer.concat(body instanceof Uint8Array ? [body] : [...body]);
    const size = bytes.length < 1024 ? Math.max(1, bytes.length) - 1 : bytes.length - (bytes.length % 1024);
    return super.put(key, bytes.subarray(0, size), options);
  }
}

class InventsEmpty extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key, body.length === 0 ? Buffer.alloc(1) : body, options);
  }
}

class FirstBufferOnly extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key, body instanceof Uint8Array ? body : body[0]!, options);
  }
}

class SaysNothing extends MemoryObjectStore {
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    await super.put(key, body, options);
    return {} as PutResult;
  }
}

class OverwritesInPlace extends MemoryObjectStore {
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    const old = this.objects.get(key)?.bytes ?? Buffer.alloc(0);
    const result = await super.put(key, body, options);
    const stored = this.objects.get(key)!;
    stored.bytes = Buffer.concat([stored.bytes, old.subarray(stored.bytes.length)]);
    return result;
  }
}

class IgnoresCase extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key.toLowerCase(), body, options);
  }
  override get(key: string, options?: GetOptions): Promise<Readable> {
    return super.get(key.toLowerCase(), options);
  }
}

class InventsObjects extends MemoryObjectStore {
  override async get(key: string, options?: GetOptions): Promise<Readable> {
    return this.objects.has(key) ? super.get(key, options) : Readable.from([]);
  }
}

class IgnoresRange extends MemoryObjectStore {
  override get(key: string, options?: GetOptions): Promise<Readable> {
    return super.get(key, { signal: options?.signal });
  }
}

class ClipsRange extends MemoryObjectStore {
  override async get(key: string, options?: GetOptions): Promise<Readable> {
    const { offset, length } = options?.range ?? { offset: 0 };
    const bytes = await buffer(await super.get(key, { signal: options?.signal }));
    return Readable.from([bytes.subarray(offset, length === undefined ? undefined : offset + length)]);
  }
}

class RandomClock extends MemoryObjectStore {
  #tick = Date.now();
  override now = () => new Date((this.#tick -= 1000));
}

class OneAtATime extends MemoryObjectStore {
  #busy = 0;
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    if (++this.#busy > 1) throw new Error('busy');
    await new Promise(setImmediate);
    this.#busy--;
    return super.put(key, body, options);
  }
}

/** Two puts at once write into each other. */
class Mixes extends MemoryObjectStore {
  #writing: Buffer | undefined;
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    const own = Buffer.concat(body instanceof Uint8Array ? [body] : [...body]);
    const mixed = this.#writing === undefined ? own : Buffer.concat([this.#writing.subarray(0, 10), own.subarray(10)]);
    this.#writing = own;
    await new Promise(setImmediate);
    this.#writing = undefined;
    return super.put(key, mixed, options);
  }
}

/** Reads go on in whatever is there now. */
class ReadsWhatIsThere extends MemoryObjectStore {
  override async get(key: string, options?: GetOptions): Promise<Readable> {
    if (options?.range !== undefined || !this.objects.has(key)) return super.get(key, options);
    const { objects } = this;
    const chunks = function* () {
      for (let offset = 0; offset < objects.get(key)!.bytes.length; offset += 65_536) {
        yield objects.get(key)!.bytes.subarray(offset, offset + 65_536);
      }
    };
    return Readable.from(chunks(), { objectMode: false });
  }
}

/** Gives no more than ten streams that are not read to the end. */
class Exhausts extends MemoryObjectStore {
  #open = 0;
  override async get(key: string, options?: GetOptions): Promise<Readable> {
    if (++this.#open > 10) throw new Error('no connection is left');
    return (await super.get(key, options)).on('end', () => this.#open--);
  }
}

class TakesAnyKey extends MemoryObjectStore {
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(`stands-for-${Buffer.from(key).toString('hex').slice(0, 100)}`, body, options);
  }
}

class Unsorted extends MemoryObjectStore {
  override async *list(prefix: string, options?: StoreCallOptions): AsyncGenerator<ObjectInfo> {
    const infos: ObjectInfo[] = [];
    for await (const info of super.list(prefix, options)) infos.push(info);
    yield* infos.reverse();
  }
}

class ListsFolders extends MemoryObjectStore {
  override async *list(prefix: string, options?: StoreCallOptions): AsyncGenerator<ObjectInfo> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    yield* super.list(folder, options);
  }
}

class OnePage extends MemoryObjectStore {
  override async *list(prefix: string, options?: StoreCallOptions): AsyncGenerator<ObjectInfo> {
    let count = 0;
    for await (const info of super.list(prefix, options)) if (count++ < 1000) yield info;
  }
}

class DeletesFolder extends MemoryObjectStore {
  override async delete(keys: readonly string[], options?: StoreCallOptions): Promise<DeleteResult> {
    const result = await super.delete(keys, options);
    for (const key of this.objects.keys()) {
      if (keys.some((gone) => gone.split('/')[0] === key.split('/')[0])) this.objects.delete(key);
    }
    return result;
  }
}

class MindsMissing extends MemoryObjectStore {
  override async delete(keys: readonly string[], options?: StoreCallOptions): Promise<DeleteResult> {
    const missing = keys.filter((key) => !this.objects.has(key));
    if (missing.length > 0) throw new Error('not there');
    return super.delete(keys, options);
  }
}

/** A delete hides the key for good. */
class Tombstones extends MemoryObjectStore {
  readonly #dead = new Set<string>();
  override async delete(keys: readonly string[], options?: StoreCallOptions): Promise<DeleteResult> {
    for (const key of keys) this.#dead.add(key);
    return super.delete(keys, options);
  }
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return this.#dead.has(key) ? { created: true } : super.put(key, body, options);
  }
}

class IgnoresSignal extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key, body, { ...options, signal: undefined });
  }
}

class StreamIgnoresSignal extends MemoryObjectStore {
  override get(key: string, options?: GetOptions): Promise<Readable> {
    return super.get(key, { range: options?.range });
  }
}

/** An aborted put leaves half of it. */
class AbortsHalf extends MemoryObjectStore {
  override async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const result = await super.put(key, body, options);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    if (options.signal?.aborted !== true) return result;
    const stored = this.objects.get(key)!;
    stored.bytes = stored.bytes.subarray(0, stored.bytes.length / 2);
    return result;
  }
}

class IgnoresIfAbsent extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key, body, { ...options, ifAbsent: false });
  }
}

/** Looks, and puts later: what Swift does. */
class LooksFirst extends MemoryObjectStore {
  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    if (options?.ifAbsent === true && this.objects.has(key)) return { created: false };
    await new Promise(setImmediate);
    return super.put(key, body, { ...options, ifAbsent: false });
  }
}

class ClaimsNoConditions extends MemoryObjectStore {
  override capabilities = {};
}

/** Takes the lock, says 200 and forgets it: what Swift's S3 interface does. */
class ForgetsLock extends MemoryObjectStore {
  override put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    return super.put(key, body, { ...options, retainUntil: undefined });
  }
}

class ShortensLock extends MemoryObjectStore {
  override async extendRetention(key: string, until: Date): Promise<void> {
    const object = this.objects.get(key);
    if (object === undefined) return super.extendRetention(key, until);
    object.retainUntil = until;
  }
}

/** For each check, by the beginning of its name, the stores that break what it is about. */
const broken: Readonly<Record<string, readonly (new () => ObjectStore)[]>> = {
  'gives back exactly the 0 bytes': [InventsEmpty],
  'gives back exactly the 1 bytes': [Truncates],
  'gives back exactly the 65537 bytes': [Truncates],
  'gives back exactly the 1048577 bytes': [Truncates],
  'gives back exactly the 5255225 bytes': [Truncates],
  'takes a body in several buffers': [FirstBufferOnly],
  'says that it created': [SaysNothing],
  'replaces an object': [OverwritesInPlace],
  'keeps keys apart': [IgnoresCase],
  'has no object': [InventsObjects],
  'reads a part': [IgnoresRange],
  'does not give a part': [ClipsRange],
  'says when': [RandomClock],
  'takes different objects at once': [OneAtATime],
  'ends several puts': [Mixes],
  'never gives a reader a mix': [ReadsWhatIsThere],
  'goes on after a reader': [Exhausts],
  'refuses keys': [TakesAnyKey],
  'lists what it holds': [Unsorted],
  'lists what begins': [ListsFolders],
  'lists and deletes': [OnePage],
  'deletes the objects': [DeletesFolder],
  'does not mind deleting': [MindsMissing],
  'takes a deleted key anew': [Tombstones],
  'does nothing once': [IgnoresSignal],
  'ends a stream': [StreamIgnoresSignal],
  'puts the whole object or none': [AbortsHalf],
  'puts with ifAbsent': [IgnoresIfAbsent],
  'lets one of 12': [LooksFirst],
  'rejects ifAbsent': [ClaimsNoConditions],
  'rejects a lock': [ClaimsNoConditions],
  'does not delete a locked': [ForgetsLock],
  'extends a lock': [ShortensLock],
};

describe('each check fails with a store that breaks what it is about', () => {
  const names = objectStoreChecks(() => new MemoryObjectStore()).map(({ name }) => name);

  it.each(names)('%s', async (name) => {
    const [match, ...others] = Object.entries(broken).filter(([beginning]) => name.startsWith(beginning));
    expect(others).toEqual([]);
    const stores = match?.[1] ?? [];
    expect(stores).not.toEqual([]);
    for (const Store of stores) {
      const check = objectStoreChecks(() => new Store()).find((each) => each.name === name);
      await expect(check!.run()).rejects.toThrow();
    }
  });
});

it('tests a store that keeps another in a field, and not that one', async () => {
  const make = () => Object.assign(new Truncates(), { store: new MemoryObjectStore() });
  const check = objectStoreChecks(make).find(({ name }) => name.startsWith('gives back exactly the 65537 bytes'));
  await expect(check!.run()).rejects.toThrow();
});

describe('a store that fails on purpose', () => {
  const bytes = Buffer.from('twelve bytes');
  const failing = (...args: ConstructorParameters<typeof FaultyObjectStore>) => new FaultyObjectStore(...args);

  it('keeps the contract while it is told nothing', async () => {
    for (const check of objectStoreChecks(() => failing(new MemoryObjectStore(), () => undefined))) {
      expect([check.name, await check.run()]).toContainEqual(expect.stringMatching(/passed|skipped/));
    }
  });

  it('counts its calls, and refuses from one on', async () => {
    const inner = new MemoryObjectStore();
    const store = failing(inner, ({ number }) => (number >= 2 ? 'refuse' : undefined));
    await store.put('a', bytes);
    await expect(store.put('b', bytes)).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true });
    await expect(store.stat('a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.delete(['a'])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.extendRetention!('a', new Date())).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.list('').next()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(store.calls.map(({ method }) => method)).toEqual([
      'put',
      'put',
      'stat',
      'get',
      'delete',
      'extendRetention',
      'list',
    ]);
    expect([...inner.objects.keys()]).toEqual(['a']);
  });

  it('loses an answer after the deed', async () => {
    const inner = new MemoryObjectStore();
    const store = failing(inner, () => 'lose-answer');
    await expect(store.put('a', bytes)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect([...inner.objects.keys()]).toEqual(['a']);
    await expect(store.delete(['a'])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect([...inner.objects.keys()]).toEqual([]);
  });

  it('hangs until it is aborted', async () => {
    const store = failing(new MemoryObjectStore(), () => 'hang');
    const controller = new AbortController();
    const putting = store.put('a', bytes, { signal: controller.signal });
    controller.abort();
    await expect(putting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it.each(['cut', 'end', 'corrupt'] as const)('spoils what it gives: %s', async (fault) => {
    const inner = new MemoryObjectStore();
    for (const key of ['a', 'b', 'c', 'd']) await inner.put(key, bytes);
    const store = failing(inner, () => fault);
    const read = async () => (await buffer(await store.get('a'))).toString();
    const list = async () => {
      const keys: string[] = [];
      for await (const { key } of store.list('')) keys.push(key);
      return keys;
    };
    if (fault === 'cut') {
      await expect(read()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await expect(list()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      const { deleted, failed } = await store.delete(['a', 'b']);
      expect([deleted, failed.map(({ key }) => key)]).toEqual([['a'], ['b']]);
    } else {
      const text = await read();
      expect(text).not.toBe(bytes.toString());
      expect(text).toHaveLength(fault === 'end' ? 6 : 12);
      expect(await list()).toEqual(fault === 'end' ? ['a', 'b'] : ['a', 'b', 'c', 'd']);
    }
  });
});
