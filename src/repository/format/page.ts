import { keyBytes, type KeyedBlob } from './blob.js';
import { maxBlobs } from './pack.js';
import { ByteReader, putVarint } from './varint.js';

/** Grains in a page of the map: 8 MiB of a disk. Smaller pages cost a full backup more, larger ones an increment. */
export const pageGrains = 128;

/** A page of the map: for each of its grains where it lies, or undefined for one that is empty. */
export type Page = (KeyedBlob | undefined)[];

interface Run {
  readonly pack: number;
  readonly ordinal: number;
  count: number;
}

/**
 * A page as bytes: which grains there are (a bit each), the packs they are in, runs of neighbours in these, and the grains'
 * keys. It names packs by their ids, so that any backup of the volume can share it.
 */
export function formatPage(page: Page): Buffer {
  const present = Buffer.alloc(pageGrains / 8);
  const packs: string[] = [];
  const runs: Run[] = [];
  const keys: Uint8Array[] = [];
  page.forEach((blob, grain) => {
    if (blob === undefined) return;
    present.writeUInt8(present.readUInt8(grain >> 3) | (1 << (grain & 7)), grain >> 3);
    let pack = packs.indexOf(blob.pack);
    if (pack < 0) pack = packs.push(blob.pack) - 1;
    const last = runs.at(-1);
    if (last?.pack === pack && last.ordinal + last.count === blob.ordinal) last.count += 1;
    else runs.push({ pack, ordinal: blob.ordinal, count: 1 });
    keys.push(blob.key);
  });
  const numbers: number[] = [];
  putVarint(numbers, packs.length);
  putVarint(numbers, runs.length);
  for (const { pack, ordinal, count } of runs)
    [pack, ordinal, count].forEach((number) => {
      putVarint(numbers, number);
    });
  return Buffer.concat([present, Buffer.from(numbers), ...packs.map((pack) => Buffer.from(pack, 'hex')), ...keys]);
}

/**
 * Reads a page.
 *
 * @throws RangeError where the bytes are no page
 */
export function parsePage(bytes: Buffer): Page {
  const reader = new ByteReader(bytes);
  const present = reader.take(pageGrains / 8);
  const [packCount, runCount] = [reader.varint(), reader.varint()];
  if (packCount > pageGrains || runCount > pageGrains) throw new RangeError('a page has more packs than grains');
  const runs = Array.from({ length: runCount }, () => [reader.varint(), reader.varint(), reader.varint()] as const);
  const packs = Array.from({ length: packCount }, () => reader.take(16).toString('hex'));
  const places = runs.flatMap(([pack, ordinal, count]) => {
    const id = packs[pack];
    if (id === undefined || count > pageGrains) throw new RangeError('a page names a pack that it lacks');
    if (ordinal + count > maxBlobs) throw new RangeError('a page names a blob that no pack can have');
    return Array.from({ length: count }, (_, place) => ({ pack: id, ordinal: ordinal + place }));
  });
  const page = new Array<KeyedBlob | undefined>(pageGrains).fill(undefined);
  for (let grain = 0, next = 0; grain < pageGrains; grain++) {
    if (((present[grain >> 3] ?? 0) & (1 << (grain & 7))) === 0) continue;
    const place = places[next++];
    if (place === undefined) throw new RangeError('a page has fewer places than grains');
    page[grain] = { ...place, key: reader.take(keyBytes) };
  }
  if (!reader.atEnd) throw new RangeError('a page has more bytes than it needs');
  return page;
}
