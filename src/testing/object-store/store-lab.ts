import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { ByteRange, DeleteResult, ObjectInfo, ObjectStore, StoreCapabilities } from '../../stores/object-store.js';
import { assertBytes } from '../digest.js';

/** A store under test, and a part of it that no other check uses. */
export class StoreLab {
  readonly store: ObjectStore;
  readonly close: () => Promise<void>;
  readonly #prefix = `check-${randomBytes(8).toString('hex')}/`;

  constructor(store: ObjectStore, close: () => Promise<void>) {
    this.store = store;
    this.close = close;
  }

  get capabilities(): StoreCapabilities {
    return this.store.capabilities ?? {};
  }

  /** A key that only this check uses. */
  key(name: string): string {
    return this.#prefix + name;
  }

  /** Puts random bytes, and returns them. */
  async fill(name: string, size = 1000): Promise<Buffer> {
    const bytes = randomBytes(size);
    await this.store.put(this.key(name), bytes);
    return bytes;
  }

  async read(name: string, range?: ByteRange): Promise<Buffer> {
    return buffer(await this.store.get(this.key(name), { range }));
  }

  async expectBytes(name: string, bytes: Uint8Array): Promise<void> {
    assertBytes(await this.read(name), bytes, name);
  }

  async expectNone(name: string): Promise<void> {
    assert.equal(await this.store.stat(this.key(name)), undefined, `${name} is there`);
    await assert.rejects(this.read(name), { code: 'OBJECT_NOT_FOUND' });
  }

  /** The names of this check's objects that begin with this. */
  async names(begin = ''): Promise<string[]> {
    return (await this.infos(begin)).map(({ key }) => key.slice(this.#prefix.length));
  }

  async infos(begin = ''): Promise<ObjectInfo[]> {
    const infos: ObjectInfo[] = [];
    for await (const info of this.store.list(this.key(begin))) infos.push(info);
    return infos;
  }

  async delete(...names: string[]): Promise<DeleteResult> {
    return this.store.delete(names.map((name) => this.key(name)));
  }

  /** Removes what the check left. */
  async clear(): Promise<void> {
    const keys = (await this.infos()).map(({ key }) => key);
    if (keys.length > 0) await this.store.delete(keys);
  }
}
