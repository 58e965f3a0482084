import { createDecipheriv, createHash, createHmac, hkdfSync, scryptSync } from 'node:crypto';
import { inflateSync } from 'node:zlib';

type Objects = ReadonlyMap<string, { readonly bytes: Buffer }>;

/** What a record tells that is needed to read a backup. */
interface Told {
  readonly attempt: string;
  readonly root: { readonly sha256: string };
  readonly streamBytes: number;
}

/**
 * Reads a backup. Written after docs/repository-format.md alone: it shares nothing with the code under test, and where it cannot read
 * what that writes, the document is not complete, or not right.
 */
export function readByDocument(objects: Objects, volumeId: string, backupId: string, passphrase?: string): Buffer {
  const get = (key: string): Buffer => {
    const object = objects.get(key);
    if (object === undefined) throw new Error(`${key} is missing`);
    return object.bytes;
  };
  const segment = (id: string) =>
    /^[a-z0-9][a-z0-9._-]{0,99}$/.test(id) ? `i-${id}` : `h-${createHash('sha256').update(id).digest('hex')}`;
  const { encrypted, id, keyProof } = JSON.parse(get('repository.json').toString()) as Record<string, string>;
  const master = encrypted ? openMaster(objects, id!, keyProof!, passphrase ?? '') : undefined;

  const folder = `volumes/${segment(volumeId)}/${segment(backupId)}`;
  const { proof, ...record } = JSON.parse(get(`${folder}/manifest.json`).toString()) as Record<string, never>;
  const text = JSON.stringify(record);
  const found = master ? hmac(subkey(master, 'records'), text) : createHash('sha256').update(text).digest();
  same(found.toString('hex'), proof, 'the proof');
  const { attempt, root: told, streamBytes } = record as unknown as Told;
  const stored = get(`${folder}/${attempt}/root`);
  same(createHash('sha256').update(stored).digest('hex'), told.sha256, 'the root');
  const root = readRoot(inflateSync(open(master, `root ${attempt}`, 0, stored)));

  const blob = (kind: 'data' | 'map', pack: string, ordinal: number): Buffer => {
    const own = `${kind}/${pack.slice(0, 24)}/${pack.slice(24)}`;
    const rewritings = [...objects.keys()].filter((key) => key.startsWith(`${own}.`));
    rewritings.sort((a, b) => get(a).length - get(b).length);
    const bytes = get(objects.has(own) ? own : rewritings[0]!);
    const { blobs, digest } = root.packs.get(`${kind} ${pack}`)!;
    same(bytes.toString('latin1', bytes.length - 4), 'VDP1', 'what a pack ends with');
    same(bytes.readUInt32LE(bytes.length - 8), blobs, 'the number of blobs');
    const directory = bytes.subarray(bytes.length - 8 - 20 * blobs, bytes.length - 8);
    const keys = times(blobs, (place) => directory.subarray(20 * place + 4, 20 * place + 20));
    same(createHash('sha256').update(Buffer.concat(keys)).digest('hex').slice(0, 32), digest, 'the digest of keys');
    const lengths = times(blobs, (place) => directory.readUInt32LE(20 * place));
    const from = lengths.slice(0, ordinal).reduce((sum, length) => sum + length, 0);
    const opened = open(master, `pack ${pack}`, ordinal, bytes.subarray(from, from + lengths[ordinal]!));
    const key = master ? hmac(subkey(master, 'grain keys'), opened) : createHash('sha256').update(opened).digest();
    same(key.toString('hex').slice(0, 32), keys[ordinal]!.toString('hex'), 'the key of a blob');
    return opened;
  };

  const grains = root.pages.flatMap((address, number) =>
    address === undefined ? [] : readPage(blob('map', address.pack, address.ordinal), number),
  );
  const stream = new StreamByRecipe(
    grains.map(({ place, pack, ordinal }) => ({ place, data: blob('data', pack, ordinal) })),
  );
  for (const address of root.recipe) stream.follow(inflateSync(blob('map', address!.pack, address!.ordinal)));
  const bytes = stream.bytes();
  same(bytes.length, streamBytes, 'the length of the stream');
  return bytes;
}

function openMaster(objects: Objects, id: string, keyProof: string, passphrase: string): Buffer {
  for (const [name, { bytes }] of objects) {
    if (!/^keys\/[0-9a-f]{32}\.json$/.test(name)) continue;
    const { kind, ...texts } = JSON.parse(bytes.toString()) as Record<string, string>;
    if (kind !== 'passphrase') continue;
    const [salt, nonce, sealed, tag] = ['salt', 'nonce', 'sealed', 'tag'].map((field) =>
      Buffer.from(texts[field]!, 'base64'),
    );
    const cost = { N: 65_536, r: 8, p: 1, maxmem: 2 ** 28 };
    const key = scryptSync(passphrase.normalize('NFC'), salt!, 32, cost);
    const master = openSealed(key, nonce!, sealed!, tag!);
    if (hmac(subkey(master, 'records'), id).toString('hex') === keyProof) return master;
  }
  throw new Error('no key opens');
}

function subkey(master: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', info, 32));
}

function hmac(key: Buffer, bytes: Buffer | string): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

function open(master: Buffer | undefined, info: string, ordinal: number, stored: Buffer): Buffer {
  if (master === undefined) return stored;
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(ordinal);
  return openSealed(subkey(master, info), nonce, stored.subarray(0, -16), stored.subarray(-16));
}

function openSealed(key: Buffer, nonce: Buffer, sealed: Buffer, tag: Buffer): Buffer {
  const opening = createDecipheriv('aes-256-gcm', key, nonce);
  opening.setAuthTag(tag);
  return Buffer.concat([opening.update(sealed), opening.final()]);
}

function readRoot(bytes: Buffer) {
  same(bytes.toString('latin1', 0, 4), 'VDR1', 'what a root begins with');
  const [dataPacks, mapPacks, pages, pieces] = [8, 12, 16, 20].map((at) => bytes.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  let at = 24;
  const packs = new Map<string, { readonly blobs: number; readonly digest: string }>();
  const maps: string[] = [];
  times(dataPacks + mapPacks, (place) => {
    const pack = bytes.toString('hex', at, at + 16);
    packs.set(`${place < dataPacks ? 'data' : 'map'} ${pack}`, {
      blobs: bytes.readUInt32LE(at + 16),
      digest: bytes.toString('hex', at + 26, at + 42),
    });
    if (place >= dataPacks) maps.push(pack);
    at += 42;
  });
  const addresses = times(pages + pieces, () => {
    const place = bytes.readUInt32LE(at);
    at += 8;
    return place === 0 ? undefined : { pack: maps[place - 1]!, ordinal: bytes.readUInt32LE(at - 4) };
  });
  same(at, bytes.length, 'the end of a root');
  return { packs, pages: addresses.slice(0, pages), recipe: addresses.slice(pages) };
}

function readPage(bytes: Buffer, number: number) {
  const varints = new Varints(bytes, 16);
  const [packs, runs] = [varints.next(), varints.next()];
  const blobs = times(runs, () => [varints.next(), varints.next(), varints.next()] as const).flatMap(
    ([pack, first, count]) => times(count, (place) => ({ pack, ordinal: first + place })),
  );
  const ids = times(packs, (place) => bytes.toString('hex', varints.at + 16 * place, varints.at + 16 * place + 16));
  const present = times(128, (grain) => grain).filter((grain) => (bytes[grain >> 3]! >> (grain & 7)) & 1);
  return present.map((grain, place) => ({
    place: 128 * number + grain,
    pack: ids[blobs[place]!.pack]!,
    ordinal: blobs[place]!.ordinal,
  }));
}

/** Puts a stream together, operation by operation. */
class StreamByRecipe {
  readonly #parts: Buffer[] = [];
  #length = 0;
  #next = 0;
  #header = Buffer.alloc(512);
  #table = -1;
  #entries: number[] = [];
  readonly #tables = new Map<number, number>();
  #directory = 0;

  constructor(readonly grains: readonly { readonly place: number; readonly data: Buffer }[]) {}

  follow(piece: Buffer): void {
    const varints = new Varints(piece, 0);
    while (varints.at < piece.length) {
      const operation = varints.next();
      if (operation === 0) this.#verbatim(varints.bytes(varints.next()));
      else if (operation === 1) times(varints.next(), () => this.#grain());
      else if (operation === 2) this.#putTable();
      else if (operation === 3) this.#putDirectory();
      else if (operation === 4) this.#putFooter();
      else if (operation === 5) this.#put(Buffer.alloc(512));
      else if (operation === 6) this.#put(marker(4, 0, varints.next()));
      else if (operation === 7) this.#replacePadding(varints.bytes(varints.next()));
      else throw new Error(`operation ${operation}`);
    }
  }

  bytes(): Buffer {
    same(this.#next, this.grains.length, 'the number of grains');
    return Buffer.concat(this.#parts);
  }

  get #entriesOfTable(): number {
    return this.#header.readUInt32LE(44);
  }

  #put(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  #verbatim(bytes: Buffer): void {
    if (this.#length === 0 && bytes.length >= 512) this.#header = Buffer.from(bytes.subarray(0, 512));
    this.#put(bytes);
  }

  #grain(): void {
    const { place, data } = this.grains[this.#next++]!;
    const table = Math.floor(place / this.#entriesOfTable);
    if (table !== this.#table) this.#entries = times(this.#entriesOfTable, () => 0);
    this.#table = table;
    this.#entries[place % this.#entriesOfTable] = this.#length / 512;
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(place) * this.#header.readBigUInt64LE(20));
    head.writeUInt32LE(data.length, 8);
    this.#put(head);
    this.#put(data);
    this.#put(Buffer.alloc((512 - ((12 + data.length) % 512)) % 512));
  }

  #replacePadding(bytes: Buffer): void {
    this.#length -= this.#parts.pop()!.length;
    this.#put(bytes);
  }

  #putTable(): void {
    this.#tables.set(this.#table, this.#length / 512 + 1);
    this.#putEntries(1, this.#entries);
  }

  #putDirectory(): void {
    this.#directory = this.#length / 512 + 1;
    const grains = Math.ceil(Number(this.#header.readBigUInt64LE(12)) / Number(this.#header.readBigUInt64LE(20)));
    this.#putEntries(
      2,
      times(Math.ceil(grains / this.#entriesOfTable), (table) => this.#tables.get(table) ?? 0),
    );
  }

  #putEntries(type: number, entries: readonly number[]): void {
    const sectors = Math.ceil((4 * entries.length) / 512);
    const bytes = Buffer.alloc(512 * sectors);
    entries.forEach((sector, place) => bytes.writeUInt32LE(sector, 4 * place));
    this.#put(marker(type, sectors));
    this.#put(bytes);
  }

  #putFooter(): void {
    const footer = Buffer.from(this.#header);
    footer.writeBigUInt64LE(BigInt(this.#directory), 56);
    this.#put(marker(3, 1));
    this.#put(footer);
  }
}

function marker(type: number, sectors: number, progress = 0): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.writeBigUInt64LE(BigInt(sectors));
  bytes.writeUInt32LE(type, 12);
  bytes.writeBigUInt64LE(BigInt(progress), 16);
  return bytes;
}

class Varints {
  constructor(
    readonly from: Buffer,
    public at: number,
  ) {}

  next(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.from.readUInt8(this.at++);
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }

  bytes(length: number): Buffer {
    this.at += length;
    return this.from.subarray(this.at - length, this.at);
  }
}

function times<T>(count: number, make: (place: number) => T): T[] {
  return Array.from({ length: count }, (_, place) => make(place));
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)}, not ${String(expected)}`);
}
