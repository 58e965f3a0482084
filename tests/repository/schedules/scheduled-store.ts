import type { Readable } from 'node:stream';
import { StoreError } from '../../../src/errors/index.js';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
} from '../../../src/stores/index.js';

/** What the schedule decides about a call. */
export type Decision = 'do' | 'lose-answer' | 'refuse' | 'late';

/** A call that waits for its turn. */
export interface WaitingCall {
  readonly actor: string;
  readonly method: string;
  readonly key: string;
  /** Whether an answer can be lost such that the call may have been carried out. */
  readonly changes: boolean;
  readonly proceed: (decision: Decision) => void;
}

/** What the schedule is told. */
export interface Schedule {
  wait(call: WaitingCall): void;
  /** Takes a change that is carried out at a later time. */
  later(change: () => Promise<unknown>): void;
  /** The store as a list shows it: some changes are not listed yet. */
  listed(infos: readonly ObjectInfo[], prefix: string): readonly ObjectInfo[];
}

/** One actor's way to the store they share: each call waits until the schedule lets it go on. */
export class ScheduledStore implements ObjectStore {
  readonly capabilities = { ifAbsent: 'none' } as const;

  constructor(
    readonly actor: string,
    readonly store: ObjectStore,
    readonly schedule: Schedule,
  ) {}

  put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    // Bytes as they are now: a change that arrives late must not see what became of the memory.
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body);
    return this.#change('put', key, () => this.store.put(key, bytes, { ...options, signal: undefined }));
  }

  delete(keys: readonly string[]): Promise<DeleteResult> {
    return this.#change('delete', keys.join(' '), () => this.store.delete(keys));
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    await this.#turn('get', key);
    return this.store.get(key, { ...options, signal: undefined });
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    await this.#turn('stat', key);
    return this.store.stat(key);
  }

  async *list(prefix: string, _options?: StoreCallOptions): AsyncGenerator<ObjectInfo> {
    await this.#turn('list', prefix);
    const infos: ObjectInfo[] = [];
    for await (const info of this.store.list(prefix)) infos.push(info);
    yield* this.schedule.listed(infos, prefix);
  }

  async #turn(method: string, key: string): Promise<void> {
    const decision = await this.#wait(method, key, false);
    if (decision !== 'do') throw new StoreError('connection', `${method} ${key}: the connection broke`);
  }

  async #change<T>(method: string, key: string, change: () => Promise<T>): Promise<T> {
    const decision = await this.#wait(method, key, true);
    if (decision === 'do') return change();
    if (decision === 'lose-answer') await change();
    if (decision === 'late') this.schedule.later(change);
    throw new StoreError('connection', `${method} ${key}: the answer was lost`);
  }

  #wait(method: string, key: string, changes: boolean): Promise<Decision> {
    return new Promise((resolve) => {
      this.schedule.wait({ actor: this.actor, method, key, changes, proceed: resolve });
    });
  }
}
