import { Readable } from 'node:stream';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  PutOptions,
  PutResult,
  StoreCallOptions,
} from '../../../src/stores/index.js';
import { SteppedStore } from './repository-lab.js';

/** A store that at some call stops answering, and hears of no abort. */
export class DeafStore extends SteppedStore {
  /** Calls that are never answered, such as `get data/…`; and those that are answered by a stream that gives nothing. */
  silent: RegExp | undefined;
  empty: RegExp | undefined;
  #tell = (): void => undefined;
  /** Resolves once somebody waits for an answer. */
  readonly waitedFor = new Promise<void>((resolve) => (this.#tell = resolve));

  override async put(key: string, body: ObjectBody, options?: PutOptions): Promise<PutResult> {
    await this.#answer(`put ${key}`);
    return super.put(key, body, { ...options, signal: undefined });
  }

  override async get(key: string, options?: GetOptions): Promise<Readable> {
    await this.#answer(`get ${key}`);
    const stream = await super.get(key, { ...options, signal: undefined });
    if (this.empty?.test(`get ${key}`) !== true) return stream;
    this.#tell();
    return new Readable({ read: () => undefined });
  }

  override async stat(key: string): Promise<ObjectInfo | undefined> {
    await this.#answer(`stat ${key}`);
    return super.stat(key);
  }

  override async *list(prefix: string, _options?: StoreCallOptions): AsyncGenerator<ObjectInfo> {
    await this.#answer(`list ${prefix}`);
    yield* super.list(prefix);
  }

  override async delete(keys: readonly string[]): Promise<DeleteResult> {
    await this.#answer(`delete ${keys.join(' ')}`);
    return super.delete(keys);
  }

  async #answer(call: string): Promise<void> {
    if (this.silent?.test(call) !== true) return;
    this.#tell();
    await new Promise<never>(() => undefined);
  }
}
