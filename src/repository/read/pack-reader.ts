import { ObjectNotFoundError, RepositoryDamagedError, StoreError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { Places } from '../../stream/places.js';
import { readInto } from '../../stream/read-into.js';
import { type BlobAddress, keyBytes, type KeyedBlob } from '../format/blob.js';
import { directoryBytes, directoryOf, type PackDirectory, type PackRecord } from '../format/pack.js';
import { packKey, type PackKind } from '../format/pack-id.js';
import { MemoryPool } from '../stream/memory-pool.js';
import type { Vault } from '../vault/vault.js';
import { findRewriting } from './find-rewriting.js';

/** Blobs of a pack that are no further apart are read at once: a request costs more than the bytes between them. */
const gapBytes = 128 * 1024;
/** Bytes that are read at once, but for a blob that is larger. */
const maxReadBytes = 4 * 1024 * 1024;
/** Reads that are under way at once. */
const readsAtOnce = 8;
/** Reads of fewer bytes have memory of their own, others such as is used again. */
const pooledBytes = 1024 * 1024;
/** How many directories are kept. */
const keptDirectories = 256;

/** What packs are read with. */
export interface PackReaderOptions {
  readonly store: ObjectStore;
  readonly vault: Vault;
  readonly kind: PackKind;
  readonly packs: readonly PackRecord[];
  readonly signal: AbortSignal | undefined;
}

/** A blob to be read: its place in what is returned, and in its pack, and its key where whoever asks knows it. */
interface Wanted {
  readonly place: number;
  readonly ordinal: number;
  readonly key: Uint8Array | undefined;
}

/** An object that has a pack's blobs, and where it has them. */
interface OpenPack {
  readonly key: string;
  readonly directory: PackDirectory;
}

/**
 * Reads blobs from packs. Each is held against its key, in another thread, and each pack's keys against what the backup's root
 * says of it.
 */
export class PackReader {
  readonly #options: PackReaderOptions;
  readonly #packs: ReadonlyMap<string, PackRecord>;
  readonly #open = new Map<string, Promise<OpenPack>>();
  readonly #places = new Places(readsAtOnce);
  readonly #memory = new MemoryPool({ bytes: maxReadBytes, spares: readsAtOnce });

  constructor(options: PackReaderOptions) {
    this.#options = options;
    this.#packs = new Map(options.packs.map((pack) => [pack.id, pack]));
  }

  /**
   * Reads blobs, neighbours together. One whose key is told is held against that, too.
   *
   * @returns the blobs in the order in which they were asked for
   * @throws RepositoryDamagedError where one is missing, or not what was stored
   */
  async read(addresses: readonly (BlobAddress & Partial<Pick<KeyedBlob, 'key'>>)[]): Promise<Buffer[]> {
    const wanted = new Map<string, Wanted[]>();
    addresses.forEach(({ pack, ordinal, key }, place) => {
      const ofPack = wanted.get(pack) ?? [];
      wanted.set(pack, ofPack);
      ofPack.push({ place, ordinal, key });
    });
    const blobs: Buffer[] = [];
    await Promise.all(
      [...wanted].map(async ([pack, ofPack]) => {
        ofPack.sort((a, b) => a.ordinal - b.ordinal);
        await this.#readOf(pack, ofPack, blobs);
      }),
    );
    return blobs;
  }

  /** Says that a blob is needed no more: its memory is used again. Where nobody says so, the garbage collector has it. */
  release(blob: Buffer): void {
    this.#memory.release(blob);
  }

  /** A pack and its rewritings have what is wanted: where one is gone, or broken, the next is read. */
  async #readOf(pack: string, wanted: readonly Wanted[], blobs: Buffer[]): Promise<void> {
    const tried = new Set<string>();
    let open = await this.#openPack(pack);
    for (;;) {
      try {
        await this.#readFrom(open, pack, wanted, blobs);
        return;
      } catch (error) {
        assertObjectAtFault(error);
        tried.add(open.key);
        const opening = this.#findPack(pack, tried, error);
        open = await opening;
        this.#open.set(pack, opening);
      }
    }
  }

  async #readFrom(
    { key, directory: { offsets, keys } }: OpenPack,
    pack: string,
    wanted: readonly Wanted[],
    blobs: Buffer[],
  ): Promise<void> {
    const { vault } = this.#options;
    const at = (ordinal: number): number => {
      const offset = offsets[ordinal];
      if (offset === undefined) throw this.#damaged(pack, `has no blob ${ordinal}`);
      return offset;
    };
    await Promise.all(
      neighbours(wanted, at).map(async (run) => {
        const [from, to] = [at(run[0]?.ordinal ?? 0), at((run.at(-1)?.ordinal ?? 0) + 1)];
        const sealed = await this.#read(key, pack, from, to - from);
        const bounds = this.#openRun(pack, run, sealed, (ordinal) => at(ordinal) - from);
        const { memory, keys: found } = await vault.keysIn(sealed, bounds);
        this.#memory.keep(memory);
        run.forEach(({ place, ordinal, key: expected }, position) => {
          const blobKey = keys.subarray(ordinal * keyBytes, (ordinal + 1) * keyBytes);
          if (!blobKey.equals(found[position] ?? Buffer.alloc(0)))
            throw this.#damaged(pack, `blob ${ordinal} has other bytes`);
          if (expected !== undefined && !blobKey.equals(expected))
            throw this.#damaged(pack, `blob ${ordinal} is another one than the map has there`);
          const blob = memory.subarray(bounds[2 * position], bounds[2 * position + 1]);
          this.#memory.hold(blob);
          blobs[place] = blob;
        });
        this.#memory.release(memory);
      }),
    );
  }

  /** Memory that holds so many bytes of an object at its beginning. */
  async #read(key: string, pack: string, from: number, length: number): Promise<Buffer<ArrayBuffer>> {
    using _place = await this.#places.take(this.#options.signal);
    const memory = length < pooledBytes ? Buffer.allocUnsafeSlow(length) : this.#memory.take(length);
    await this.#get(key, pack, from, memory.subarray(0, length));
    return memory;
  }

  /** Opens the blobs of a run where they lie in the memory, and tells where each then begins and ends. */
  #openRun(pack: string, run: readonly Wanted[], memory: Buffer, at: (ordinal: number) => number): Uint32Array {
    const bounds = new Uint32Array(2 * run.length);
    run.forEach(({ ordinal }, position) => {
      // Wanted twice: what was opened where it lies cannot be opened again.
      if (ordinal === run[position - 1]?.ordinal) {
        bounds.copyWithin(2 * position, 2 * position - 2, 2 * position);
        return;
      }
      const from = at(ordinal);
      const opened = this.#options.vault.open(pack, ordinal, memory.subarray(from, at(ordinal + 1)));
      if (opened.buffer !== memory.buffer) memory.set(opened, from);
      bounds.set([from, from + opened.length], 2 * position);
    });
    return bounds;
  }

  #openPack(pack: string): Promise<OpenPack> {
    const kept = this.#open.get(pack);
    if (kept !== undefined) return kept;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= keptDirectories) this.#open.delete(oldest);
    const opening = this.#findPack(pack, new Set());
    this.#open.set(pack, opening);
    return opening;
  }

  /**
   * @param tried objects of the pack that are gone or broken; it comes to have those that are found to be
   * @param failure what the first of them failed with
   */
  async #findPack(pack: string, tried: Set<string>, failure?: unknown): Promise<OpenPack> {
    const { store, kind, signal } = this.#options;
    const record = this.#packs.get(pack);
    if (record === undefined) throw this.#damaged(pack, 'is not among the packs of the backup');
    const own = { key: packKey(kind, pack), size: record.bytes };
    for (;;) {
      const found = tried.has(own.key) ? await findRewriting(store, kind, pack, signal, tried) : own;
      if (found === undefined) break;
      try {
        return { key: found.key, directory: await this.#readDirectory(found, record) };
      } catch (error) {
        assertObjectAtFault(error);
        failure ??= error;
        tried.add(found.key);
      }
    }
    throw failure instanceof RepositoryDamagedError ? failure : this.#damaged(pack, 'is missing', failure);
  }

  async #readDirectory(
    { key, size }: { readonly key: string; readonly size: number },
    record: PackRecord,
  ): Promise<PackDirectory> {
    const { id } = record;
    const length = directoryBytes(record.blobs);
    if (size < length) throw this.#damaged(id, 'is shorter than its directory');
    const bytes = Buffer.allocUnsafe(length);
    using _place = await this.#places.take(this.#options.signal);
    await this.#get(key, id, size - length, bytes);
    const directory = directoryOf(record, bytes, size);
    if (directory === undefined) throw this.#damaged(id, 'has another directory than was stored');
    return directory;
  }

  /**
   * Reads as many bytes of an object as there is room for.
   *
   * @throws ObjectNotFoundError
   */
  async #get(key: string, pack: string, offset: number, memory: Buffer): Promise<void> {
    const { store, signal } = this.#options;
    const { length } = memory;
    if (length === 0) return;
    try {
      const filled = await readInto(await store.get(key, { range: { offset, length }, signal }), memory);
      if (filled < length) throw this.#damaged(pack, `gives ${filled} bytes where there are ${length}`);
    } catch (error) {
      if (error instanceof StoreError) await this.#assertLength(key, pack, error);
      throw error;
    }
  }

  /** A part that an object does not have is an error of the store's: what is wrong is the object. */
  async #assertLength(key: string, pack: string, cause: StoreError): Promise<void> {
    const { store, kind, signal } = this.#options;
    // How long a rewriting was put, nothing tells but its own directory.
    if (key !== packKey(kind, pack)) return;
    const size = await store.stat(key, { signal }).then(
      (info) => info?.size,
      () => undefined,
    );
    const expected = this.#packs.get(pack)?.bytes;
    if (size === undefined || size === expected) return;
    throw this.#damaged(pack, `has ${size} bytes where ${expected ?? 'none'} were put`, cause);
  }

  #damaged(pack: string, what: string, cause?: unknown): RepositoryDamagedError {
    return new RepositoryDamagedError(`${packKey(this.#options.kind, pack)} ${what}`, { cause });
  }
}

/** Passes on what is not the fault of one object. */
function assertObjectAtFault(error: unknown): void {
  if (!(error instanceof ObjectNotFoundError || error instanceof RepositoryDamagedError)) throw error;
}

/** Groups blobs, which are in the order of their ordinals, so that each group is worth one request. */
function neighbours(wanted: readonly Wanted[], at: (ordinal: number) => number): Wanted[][] {
  const runs: Wanted[][] = [];
  for (const blob of wanted) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const isNear =
      last !== undefined &&
      at(blob.ordinal) - at(last.ordinal + 1) <= gapBytes &&
      at(blob.ordinal + 1) - at(run?.[0]?.ordinal ?? 0) <= maxReadBytes;
    if (isNear) run?.push(blob);
    else runs.push([blob]);
  }
  return runs;
}
