import { setMaxListeners } from 'node:events';
import { anySignal } from '../../any-signal.js';
import { RepositoryDamagedError, throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import { ChunkPool } from '../../stream/chunk-pool.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import type { KeyedBlob } from '../format/blob.js';
import { pageGrains } from '../format/page.js';
import type { Root } from '../format/root.js';
import type { Repository } from '../repository.js';
import { readRecipe, type RecipeStep } from '../stream/recipe-reader.js';
import { MapReader } from './map-reader.js';
import { PackReader } from './pack-reader.js';
import { StreamAssembly } from './stream-assembly.js';

/** Grains that are read at once, and how many bytes of the disk they may have. The next ones are on their way while these are given out. */
const grainsAtOnce = 256;
const bytesAtOnce = 16 * 1024 * 1024;

/** A grain's place on the disk, and where it lies. */
interface Place {
  readonly index: number;
  readonly blob: KeyedBlob;
}

/** A grain as it was received, and its place on the disk. */
interface Grain {
  readonly index: number;
  readonly bytes: Buffer;
}

/**
 * A backup's stream, to the byte as it was stored. It ends with an error where that cannot be: every grain is held against
 * its key, and the length against what was committed.
 */
export class BackupChunks implements ChunkSource {
  readonly #pool = new ChunkPool();
  readonly #closed = new AbortController();
  readonly #chunks: AsyncGenerator<Buffer<ArrayBuffer>, void, undefined>;
  /** Why it gives no more: whoever asks once more must not take that for the stream's end. */
  #failure: { readonly error: unknown } | undefined;

  constructor(repository: Repository, root: Root, streamBytes: number, signal: AbortSignal | undefined) {
    const either = anySignal(this.#closed.signal, ...(signal === undefined ? [] : [signal]));
    // One for each read that is under way.
    setMaxListeners(0, either);
    this.#chunks = chunks(repository, root, streamBytes, this.#pool, either);
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    try {
      const { value, done } = await this.#chunks.next();
      if (done !== true) return value;
    } catch (error) {
      this.#failure ??= { error };
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return undefined;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#pool.give(chunk);
  }

  async close(): Promise<void> {
    // What is being read would otherwise be waited for.
    this.#failure ??= { error: new Error('the stream was let go') };
    this.#closed.abort();
    await this.#chunks.return();
  }
}

async function* chunks(
  { store, vault }: Repository,
  root: Root,
  streamBytes: number,
  pool: ChunkPool,
  signal: AbortSignal,
): AsyncGenerator<Buffer<ArrayBuffer>, void, undefined> {
  const common = { store, vault, signal };
  const mapPacks = new PackReader({ ...common, kind: 'map', packs: root.mapPacks });
  const dataPacks = new PackReader({ ...common, kind: 'data', packs: root.dataPacks });
  const grains = readGrains(root, new MapReader(root, mapPacks), dataPacks);
  const assembly = new StreamAssembly(pool);
  const turns = new EventLoopTurns();
  // A recipe of a few bytes may have a stream without end.
  const assertNotLonger = (): void => {
    if (assembly.offset <= streamBytes) return;
    throw new RepositoryDamagedError(`a backup of ${streamBytes} bytes goes on after ${assembly.offset}`);
  };
  try {
    for (const piece of root.recipe) {
      const [bytes = Buffer.alloc(0)] = await mapPacks.read([piece]);
      for await (const step of stepsOf(bytes)) {
        throwIfAborted(signal);
        await turns.pause();
        if (step.kind !== 'grains') {
          assembly.take(step);
          assertNotLonger();
          yield* assembly.takeFull();
          continue;
        }
        for (let left = step.count; left > 0; left--) {
          const grain = await grains.next();
          if (grain.done === true)
            throw new RepositoryDamagedError('the recipe of a backup has more grains than its map');
          assembly.grain(grain.value.index, grain.value.bytes);
          dataPacks.release(grain.value.bytes);
          assertNotLonger();
          await turns.pause();
          yield* assembly.takeFull();
        }
      }
    }
    assembly.endGrain();
    if (assembly.offset !== streamBytes) {
      throw new RepositoryDamagedError(`a backup of ${streamBytes} bytes comes to ${assembly.offset}`);
    }
    yield* assembly.takeFull();
    yield* assembly.takeRest();
  } finally {
    await grains.return();
  }
}

async function* stepsOf(piece: Buffer): AsyncGenerator<RecipeStep, void, undefined> {
  try {
    yield* readRecipe(piece);
  } catch (error) {
    if (error instanceof VmdkDriverError) throw error;
    throw new RepositoryDamagedError('the recipe of a backup cannot be read', { cause: error });
  }
}

/** The grains of a backup in the order of the disk. */
async function* readGrains(root: Root, map: MapReader, packs: PackReader): AsyncGenerator<Grain, void, undefined> {
  const batches = placesOf(root, map);
  const load = async (): Promise<Grain[] | undefined> => {
    const { value: places } = await batches.next();
    if (places === undefined) return undefined;
    const blobs = await packs.read(places.map(({ blob }) => blob));
    return places.map(({ index }, place) => ({ index, bytes: blobs[place] ?? Buffer.alloc(0) }));
  };
  for (let next = load(); ;) {
    const grains = await next;
    if (grains === undefined) return;
    next = load();
    // Its failure is met by the next turn; until then it must not count as unhandled.
    next.catch(() => undefined);
    yield* grains;
  }
}

/** What is read at once, batch after batch. */
async function* placesOf({ grainBytes, pages }: Root, map: MapReader): AsyncGenerator<Place[], undefined, undefined> {
  const most = Math.max(1, Math.min(grainsAtOnce, Math.floor(bytesAtOnce / grainBytes)));
  let places: Place[] = [];
  for (const number of pages.keys()) {
    for (const [place, blob] of ((await map.page(number)) ?? []).entries()) {
      if (blob !== undefined) places.push({ index: number * pageGrains + place, blob });
      if (places.length < most) continue;
      yield places;
      places = [];
    }
  }
  if (places.length > 0) yield places;
  return undefined;
}
