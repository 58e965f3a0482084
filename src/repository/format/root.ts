import { createHash } from 'node:crypto';
import { createDeflate, createInflate } from 'node:zlib';
import { BackupServiceError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import { readWhole } from '../../stream/read-whole.js';
import { type BlobAddress, keyBytes } from './blob.js';
import { directoryBytes, maxBlobs, type PackRecord } from './pack.js';
import { ByteReader } from './varint.js';

/** All that a backup refers to. It is complete by itself: no other backup is needed to read it. */
export interface Root {
  /** Bytes of a grain of the disk; 0 for a stream that is not a VMDK. */
  readonly grainBytes: number;
  /** Packs of grains. */
  readonly dataPacks: readonly PackRecord[];
  /** Packs of pages and of the recipe. */
  readonly mapPacks: readonly PackRecord[];
  /** The map: where each page lies that has a grain, by its number and in the order of the disk. */
  readonly pages: ReadonlyMap<number, BlobAddress>;
  /** Where the pieces of the recipe lie. */
  readonly recipe: readonly BlobAddress[];
}

const magic = Buffer.from('VDR1');
const headerBytes = 4 + 5 * 4;
const packBytes = 16 + 4 + 6 + keyBytes;
const addressBytes = 8;
/** Of the largest disk, 64 TiB, all of it used, in packs of 16 MiB. A root that claims to be larger is none. */
const maxRootBytes = 256 * 1024 * 1024;
/** What is not deflated well, or sealed, is a little longer. */
export const mostRootBytes = maxRootBytes + 1024 * 1024;
/** How many grains a map has room for: as many as the largest disk has of the size that everybody writes, 64 KiB. */
export const maxGrains = 2 ** 30;
/** Packs or addresses, and bytes hashed, between two looks at the clock. */
const itemsAtOnce = 4096;
const bytesAtOnce = 1024 * 1024;
/** zlib's pieces. Its functions that give all at once join them in one turn. */
const chunkSize = 64 * 1024;

/**
 * A root as bytes. Blobs of the map are named by their pack's place in `mapPacks`, counted from 1; 0 stands for no page.
 *
 * @throws BackupServiceError where it would be larger than is read again
 */
export async function formatRoot({ grainBytes, dataPacks, mapPacks, pages, recipe }: Root): Promise<Buffer> {
  const turns = new EventLoopTurns();
  const packCount = dataPacks.length + mapPacks.length;
  let pageCount = 0;
  let looked = 0;
  for (const page of pages.keys()) {
    if (looked++ % itemsAtOnce === 0) await turns.pause();
    pageCount = page + 1;
  }
  const length = headerBytes + packCount * packBytes + (pageCount + recipe.length) * addressBytes;
  if (length > maxRootBytes) {
    throw new BackupServiceError(`the backup has ${packCount} packs, more than can be listed: larger ones are needed`);
  }
  const packs = [...dataPacks, ...mapPacks];
  const bytes = Buffer.alloc(length);
  magic.copy(bytes);
  [grainBytes, dataPacks.length, mapPacks.length, pageCount, recipe.length].forEach((number, place) => {
    bytes.writeUInt32LE(number, 4 + place * 4);
  });
  for (const [number, { id, blobs, bytes: size, keysDigest }] of packs.entries()) {
    if (number % itemsAtOnce === 0) await turns.pause();
    const at = headerBytes + number * packBytes;
    bytes.write(id, at, 'hex');
    bytes.writeUInt32LE(blobs, at + 16);
    bytes.writeUIntLE(size, at + 20, 6);
    bytes.set(keysDigest, at + 26);
  }
  const addresses = headerBytes + packCount * packBytes;
  const places = new Map(mapPacks.map(({ id }, place) => [id, place + 1]));
  const put = ({ pack, ordinal }: BlobAddress, number: number): void => {
    bytes.writeUInt32LE(places.get(pack) ?? 0, addresses + number * addressBytes);
    bytes.writeUInt32LE(ordinal, addresses + number * addressBytes + 4);
  };
  let done = 0;
  for (const [number, address] of pages) {
    if (done++ % itemsAtOnce === 0) await turns.pause();
    put(address, number);
  }
  for (const [place, address] of recipe.entries()) put(address, pageCount + place);
  return readWhole(createDeflate({ chunkSize }).end(bytes), mostRootBytes);
}

/**
 * Reads a root.
 *
 * @throws RangeError, StoreError, or zlib's error, where the bytes are no root
 */
export async function parseRoot(deflated: Uint8Array): Promise<Root> {
  const reader = new ByteReader(await readWhole(createInflate({ chunkSize }).end(deflated), maxRootBytes));
  if (!reader.take(4).equals(magic)) throw new RangeError('a root begins otherwise');
  const [grainBytes, dataCount, mapCount, pageCount, recipeCount] = [
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
    reader.uint32(),
  ];
  const dataPacks = await packsOf(reader, dataCount);
  const mapPacks = await packsOf(reader, mapCount);
  const pages = new Map<number, BlobAddress>();
  const recipe: BlobAddress[] = [];
  const turns = new EventLoopTurns();
  // One by one: a wrong count meets the end of the bytes before it has cost memory.
  for (let number = 0; number < pageCount + recipeCount; number++) {
    if (number % itemsAtOnce === 0) await turns.pause();
    const address = readAddress(reader, mapPacks);
    if (address === undefined) continue;
    if (number < pageCount) pages.set(number, address);
    else recipe.push(address);
  }
  if (!reader.atEnd) throw new RangeError('a root has more bytes than it needs');
  return { grainBytes, dataPacks, mapPacks, pages, recipe };
}

async function packsOf(reader: ByteReader, count: number): Promise<PackRecord[]> {
  const turns = new EventLoopTurns();
  const packs: PackRecord[] = [];
  while (packs.length < count) {
    if (packs.length % itemsAtOnce === 0) await turns.pause();
    const pack = {
      id: reader.take(16).toString('hex'),
      blobs: reader.uint32(),
      bytes: reader.uint48(),
      keysDigest: reader.take(keyBytes),
    };
    if (pack.blobs > maxBlobs || directoryBytes(pack.blobs) > pack.bytes) {
      throw new RangeError('a root has a pack of more blobs than a pack can have');
    }
    packs.push(pack);
  }
  return packs;
}

function readAddress(reader: ByteReader, packs: readonly PackRecord[]): BlobAddress | undefined {
  const [place, ordinal] = [reader.uint32(), reader.uint32()];
  if (place === 0) return undefined;
  const pack = packs[place - 1];
  if (pack === undefined || ordinal >= pack.blobs) throw new RangeError('a root names a blob that it lacks');
  return { pack: pack.id, ordinal };
}

/** The SHA-256 of a root as it is stored, in hexadecimal. */
export async function digestRoot(bytes: Uint8Array): Promise<string> {
  const turns = new EventLoopTurns();
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.length; from += bytesAtOnce) {
    await turns.pause();
    hash.update(bytes.subarray(from, from + bytesAtOnce));
  }
  return hash.digest('hex');
}
