import { promisify } from 'node:util';
import { deflate, inflate, type ZlibOptions } from 'node:zlib';
import { type BlobAddress, keyBytes } from './blob.js';
import type { PackRecord } from './pack.js';
import { ByteReader } from './varint.js';

/** All that a backup refers to. It is complete by itself: no other backup is needed to read it. */
export interface Root {
  /** Bytes of a grain of the disk; 0 for a stream that is not a VMDK. */
  readonly grainBytes: number;
  /** Packs of grains. */
  readonly dataPacks: readonly PackRecord[];
  /** Packs of pages and of the recipe. */
  readonly mapPacks: readonly PackRecord[];
  /** The map: where the nth page lies, undefined where all of its grains are empty. */
  readonly pages: readonly (BlobAddress | undefined)[];
  /** Where the pieces of the recipe lie. */
  readonly recipe: readonly BlobAddress[];
}

const magic = Buffer.from('VDR1');
const headerBytes = 4 + 5 * 4;
const packBytes = 16 + 4 + 6 + keyBytes;
const addressBytes = 8;
/** Of a map of the largest disk, 2 TiB and more, some megabytes. A root that claims to be larger is none. */
const maxRootBytes = 256 * 1024 * 1024;

/** A root as bytes. Blobs of the map are named by their pack's place in `mapPacks`, counted from 1; 0 stands for no page. */
export async function formatRoot({ grainBytes, dataPacks, mapPacks, pages, recipe }: Root): Promise<Buffer> {
  const packs = [...dataPacks, ...mapPacks];
  const bytes = Buffer.alloc(headerBytes + packs.length * packBytes + (pages.length + recipe.length) * addressBytes);
  magic.copy(bytes);
  [grainBytes, dataPacks.length, mapPacks.length, pages.length, recipe.length].forEach((number, place) => {
    bytes.writeUInt32LE(number, 4 + place * 4);
  });
  let at = headerBytes;
  for (const { id, blobs, bytes: length, keysDigest } of packs) {
    bytes.write(id, at, 'hex');
    bytes.writeUInt32LE(blobs, at + 16);
    bytes.writeUIntLE(length, at + 20, 6);
    bytes.set(keysDigest, at + 26);
    at += packBytes;
  }
  const places = new Map(mapPacks.map(({ id }, place) => [id, place + 1]));
  for (const address of [...pages, ...recipe]) {
    if (address !== undefined) {
      bytes.writeUInt32LE(places.get(address.pack) ?? 0, at);
      bytes.writeUInt32LE(address.ordinal, at + 4);
    }
    at += addressBytes;
  }
  return promisify(deflate)(bytes);
}

/**
 * Reads a root.
 *
 * @throws RangeError, or zlib's error, where the bytes are no root
 */
export async function parseRoot(deflated: Uint8Array): Promise<Root> {
  const reader = new ByteReader(await inflated(deflated, { maxOutputLength: maxRootBytes }));
  if (!reader.take(4).equals(magic)) throw new RangeError('a root begins otherwise');
  const [grainBytes, dataCount, mapCount, pageCount, recipeCount] = [
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
  ];
  const packs = (count: number): PackRecord[] => {
    return times(count, () => ({
      id: reader.take(16).toString('hex'),
      blobs: reader.uint32(),
      bytes: reader.uint48(),
      keysDigest: reader.take(keyBytes),
    }));
  };
  const dataPacks = packs(dataCount);
  const mapPacks = packs(mapCount);
  const address = (): BlobAddress | undefined => {
    const [place, ordinal] = [reader.uint32(), reader.uint32()];
    if (place === 0) return undefined;
    const pack = mapPacks[place - 1];
    if (pack === undefined) throw new RangeError('a root names a pack that it lacks');
    return { pack: pack.id, ordinal };
  };
  const pages = times(pageCount, address);
  const recipe = times(recipeCount, address).filter((piece) => piece !== undefined);
  if (!reader.atEnd) throw new RangeError('a root has more bytes than it needs');
  return { grainBytes, dataPacks, mapPacks, pages, recipe };
}

const inflated = promisify<Uint8Array, ZlibOptions, Buffer>(inflate);

/** As `Array.from`, but a wrong count meets the end of the bytes before it has cost memory. */
function times<T>(count: number, make: () => T): T[] {
  const made: T[] = [];
  for (let done = 0; done < count; done++) made.push(make());
  return made;
}
