import { Readable } from 'node:stream';
import { AbortError, RepositoryDamagedError, throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import type { KeyedBlob } from '../format/blob.js';
import { pageGrains } from '../format/page.js';
import type { Root } from '../format/root.js';
import type { Repository } from '../repository.js';
import { readRecipe, type RecipeStep } from '../stream/recipe-reader.js';
import { grainMarkerBytes, markerType, progressMarker, StreamTail } from '../stream/stream-tail.js';
import { MapReader } from './map-reader.js';
import { PackReader } from './pack-reader.js';

/** Bytes of a stream's chunk, about. */
const chunkBytes = 1024 * 1024;
/** Pages whose grains are read at once. The next ones are on their way while these are given out. */
const pagesAtOnce = 2;

/** A grain as it was received, and its place on the disk. */
interface Grain {
  readonly index: number;
  readonly bytes: Buffer;
}

/**
 * A backup's stream, to the byte as it was stored. It ends with an error where that cannot be: every grain is held against
 * its key, and the length against what was committed.
 */
export function readStream(
  repository: Repository,
  root: Root,
  streamBytes: number,
  signal: AbortSignal | undefined,
): Readable {
  const source = chunks(repository, root, streamBytes, signal);
  const stream = Readable.from(source, { objectMode: false, highWaterMark: chunkBytes });
  if (signal === undefined) return stream;
  const abort = (): void => {
    stream.destroy(new AbortError(signal));
  };
  signal.addEventListener('abort', abort, { once: true });
  return stream.once('close', () => {
    signal.removeEventListener('abort', abort);
  });
}

async function* chunks(
  { store, vault }: Repository,
  root: Root,
  streamBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const common = { store, vault, signal };
  const mapPacks = new PackReader({ ...common, kind: 'map', packs: root.mapPacks });
  const dataPacks = new PackReader({ ...common, kind: 'data', packs: root.dataPacks });
  const grains = readGrains(root, new MapReader(root, mapPacks), dataPacks);
  const assembly = new Assembly();
  try {
    for (const piece of root.recipe) {
      const [bytes = Buffer.alloc(0)] = await mapPacks.read([piece]);
      for (const step of await stepsOf(bytes)) {
        throwIfAborted(signal);
        if (step.kind !== 'grains') {
          assembly.take(step);
        } else {
          for (let left = step.count; left > 0; left--) {
            const grain = await grains.next();
            if (grain.done === true)
              throw new RepositoryDamagedError('the recipe of a backup has more grains than its map');
            assembly.grain(grain.value);
            if (assembly.length >= chunkBytes) yield assembly.chunk();
          }
        }
        if (assembly.length >= chunkBytes) yield assembly.chunk();
      }
    }
    assembly.endGrain();
    if (assembly.offset !== streamBytes) {
      throw new RepositoryDamagedError(`a backup of ${streamBytes} bytes comes to ${assembly.offset}`);
    }
    if (assembly.length > 0) yield assembly.chunk();
  } finally {
    await grains.return();
  }
}

async function stepsOf(piece: Buffer): Promise<RecipeStep[]> {
  try {
    return await readRecipe(piece);
  } catch (error) {
    if (error instanceof VmdkDriverError) throw error;
    throw new RepositoryDamagedError('the recipe of a backup cannot be read', { cause: error });
  }
}

/** The grains of a backup in the order of the disk. */
async function* readGrains(root: Root, map: MapReader, packs: PackReader): AsyncGenerator<Grain, void, undefined> {
  const load = async (first: number): Promise<Grain[]> => {
    const places: { readonly index: number; readonly blob: KeyedBlob }[] = [];
    for (let number = first; number < first + pagesAtOnce; number++) {
      const page = await map.page(number);
      page?.forEach((blob, place) => {
        if (blob !== undefined) places.push({ index: number * pageGrains + place, blob });
      });
    }
    const blobs = await packs.read(places.map(({ blob }) => blob));
    return places.map(({ index }, place) => ({ index, bytes: blobs[place] ?? Buffer.alloc(0) }));
  };
  let next: Promise<Grain[]> | undefined;
  for (let first = 0; first < root.pages.length; first += pagesAtOnce) {
    const grains = await (next ?? load(first));
    next = first + pagesAtOnce < root.pages.length ? load(first + pagesAtOnce) : undefined;
    // Its failure is met by the next turn; until then it must not count as unhandled.
    next?.catch(() => undefined);
    yield* grains;
  }
}

/** Puts a stream together. */
class Assembly {
  readonly #tail = new StreamTail();
  #parts: Buffer[] = [];
  #length = 0;
  /** The last grain, whose padding may follow. */
  #open: { readonly index: number; readonly size: number } | undefined;

  /** Bytes that wait to be given out. */
  get length(): number {
    return this.#length;
  }

  /** Length of the stream so far, in bytes. */
  get offset(): number {
    return this.#tail.offset;
  }

  grain({ index, bytes }: Grain): void {
    this.endGrain();
    const marker = Buffer.alloc(grainMarkerBytes);
    this.#tail.writeMarker(marker, 0, index, bytes.length);
    this.#add(marker);
    this.#add(bytes);
    this.#open = { index, size: bytes.length };
  }

  take(step: Exclude<RecipeStep, { readonly kind: 'grains' }>): void {
    if (step.kind === 'padding') {
      this.endGrain(step.bytes);
      return;
    }
    this.endGrain();
    switch (step.kind) {
      case 'verbatim':
        this.#tail.verbatim(step.bytes);
        this.#add(step.bytes);
        return;
      case 'progress':
        this.#told(markerType.progress, progressMarker(BigInt(step.sector)));
        return;
      case 'told':
        this.#told(step.marker, this.#tail.next(step.marker));
    }
  }

  /** Fills the last grain's sector up, with zeros unless told otherwise. */
  endGrain(padding?: Buffer): void {
    if (this.#open === undefined) return;
    const { index, size } = this.#open;
    this.#open = undefined;
    const usual = this.#tail.grainLength(size) - grainMarkerBytes - size;
    const bytes = padding ?? Buffer.alloc(usual);
    this.#tail.grain(index, grainMarkerBytes + size + bytes.length);
    this.#add(bytes);
  }

  chunk(): Buffer {
    const bytes = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    return bytes ?? Buffer.alloc(0);
  }

  #told(marker: number, bytes: Buffer | undefined): void {
    if (bytes === undefined) throw new RepositoryDamagedError('the recipe of a backup has a table where none can be');
    this.#tail.told(marker, bytes);
    this.#add(bytes);
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}
