import type { ObjectStore } from '../../stores/object-store.js';
import type { BlobAddress } from '../format/blob.js';
import { digestKeys, formatDirectory, maxBlobs, type PackRecord } from '../format/pack.js';
import { packId, packKey, type PackKind } from '../format/pack-id.js';
import type { MemoryPool } from '../stream/memory-pool.js';
import type { Vault } from '../vault/vault.js';

/** What packs are written with. */
export interface PackWriterOptions {
  readonly store: ObjectStore;
  readonly vault: Vault;
  readonly kind: PackKind;
  readonly attempt: string;
  /** A pack is put once it has this many bytes. */
  readonly packBytes: number;
  /** How many packs may be on their way at once. */
  readonly concurrency: number;
  readonly retainUntil: Date | undefined;
  readonly signal: AbortSignal;
  /** What the blobs may lie in: it is held until their pack was put. */
  readonly memory: MemoryPool;
}

/** Collects blobs in packs and puts these, several at a time. */
export class PackWriter {
  readonly #options: PackWriterOptions;
  readonly #packs: PackRecord[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #number = 0;
  #blobs: Uint8Array[] = [];
  #keys: Uint8Array[] = [];
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: PackWriterOptions) {
    this.#options = options;
  }

  /** The packs that were begun to be put, whether or not they arrived. */
  get packs(): readonly PackRecord[] {
    return this.#packs;
  }

  /** Bytes put, directories included. */
  get storedBytes(): number {
    return this.#packs.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Takes a blob, whose bytes must not change until {@link finish}, unless the memory they lie in says otherwise. */
  async add(bytes: Uint8Array, key: Uint8Array): Promise<BlobAddress> {
    const { vault, kind, attempt, packBytes, memory } = this.#options;
    const address = { pack: packId(kind, attempt, this.#number), ordinal: this.#blobs.length };
    const sealed = vault.seal(address.pack, address.ordinal, bytes);
    memory.hold(sealed);
    this.#blobs.push(sealed);
    this.#keys.push(key);
    this.#bytes += sealed.length;
    if (this.#bytes >= packBytes || this.#blobs.length >= maxBlobs) await this.#flush();
    return address;
  }

  /** Puts what is left, and waits until all has arrived. */
  async finish(): Promise<readonly PackRecord[]> {
    await this.#flush();
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#packs;
  }

  /** Waits until nothing is on its way any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #flush(): Promise<void> {
    if (this.#blobs.length > 0) this.#begin();
    while (this.#underWay.size >= this.#options.concurrency) await Promise.race(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #begin(): void {
    const { store, kind, attempt, retainUntil, signal, memory } = this.#options;
    const id = packId(kind, attempt, this.#number++);
    const blobs = this.#blobs;
    const directory = formatDirectory(
      blobs.map(({ length }) => length),
      this.#keys,
    );
    const bytes = this.#bytes + directory.length;
    this.#packs.push({ id, blobs: blobs.length, bytes, keysDigest: digestKeys(this.#keys) });
    this.#blobs = [];
    this.#keys = [];
    this.#bytes = 0;
    const put: Promise<void> = store
      .put(packKey(kind, id), [...joined(blobs), directory], { signal, ...(retainUntil && { retainUntil }) })
      .then(
        () => undefined,
        (error: unknown) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => {
        for (const blob of blobs) memory.release(blob);
        this.#underWay.delete(put);
      });
    this.#underWay.add(put);
  }
}

/** Blobs that lie one behind the other in memory as one: a store writes few long pieces faster than many short ones. */
function joined(blobs: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const blob of blobs) {
    const last = pieces.at(-1);
    const follows = last?.buffer === blob.buffer && last.byteOffset + last.length === blob.byteOffset;
    if (last === undefined || !follows) pieces.push(blob);
    else pieces[pieces.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + blob.length);
  }
  return pieces;
}
