/**
 * Measures the map of a repository for a disk of 2 TiB without a hole: of a full backup, and of one after random changes. No grain
 * is stored: what each of them takes is assumed.
 *
 *     npm run bench:repository-map                  2 TiB, 1 % changed
 *     npm run bench:repository-map -- --gib 64
 *
 * The map goes into a directory below the system's temporary one, and takes 1.1 GiB there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newAttempt, packId } from '../src/repository/format/pack-id.js';
import { formatRoot, type Root } from '../src/repository/format/root.js';
import { MapReader } from '../src/repository/read/map-reader.js';
import { PackReader } from '../src/repository/read/pack-reader.js';
import { MemoryPool } from '../src/repository/stream/memory-pool.js';
import { plainVault as vault } from '../src/repository/vault/plain-vault.js';
import { MapWriter } from '../src/repository/write/map-writer.js';
import { PackWriter } from '../src/repository/write/pack-writer.js';
import { FileObjectStore } from '../src/stores/index.js';
import { generator } from './support/reproducible-disk.js';

const MIB = 2 ** 20;
const grainBytes = 64 * 1024;
/** What a grain takes as it is stored, on the average of the disks that were looked at. */
const storedBytes = 47 * 1024;
const grainsOfPack = Math.floor((16 * MIB) / storedBytes);

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '2048' }, percent: { type: 'string', default: '1' } },
});
const grains = (Number(values.gib) * 1024 * MIB) / grainBytes;
const part = Number(values.percent) / 100;
const random = generator(20_261_127);
const directory = mkdtempSync(join(tmpdir(), 'repository-map-'));
const store = new FileObjectStore({ directory });
const signal = new AbortController().signal;

try {
  const full = await backUp(undefined);
  console.log(
    `full: ${grains} grains, map ${mib(full.bytes)} MiB, of which the root ${mib(full.rootBytes)}; ${seconds()}`,
  );
  const next = await backUp(full.root);
  const data = next.grainsNew * storedBytes;
  console.log(
    `${part * 100} % changed: ${next.grainsNew} grains of ${mib(data)} MiB, map ${mib(next.bytes)} MiB, of which the root ` +
      `${mib(next.rootBytes)}; ${seconds()}`,
  );
  for (const [name, value, target] of [
    ['map of a full backup in MiB', full.bytes / MIB, 700],
    ['map of an increment / what it stores', next.bytes / (data + next.bytes), 0.03],
  ] as const) {
    console.log(`${name}: ${value.toFixed(3)}, target ${target}: ${value <= target ? 'met' : 'NOT met'}`);
  }
} finally {
  rmSync(directory, { recursive: true });
}

/** Writes the map of a backup, and its root. */
async function backUp(parent: Root | undefined) {
  const attempt = newAttempt();
  const memory = new MemoryPool({ bytes: MIB, spares: 0 });
  const common = { store, vault, kind: 'map', retainUntil: undefined, signal, memory } as const;
  const packs = new PackWriter({ ...common, attempt, packBytes: 4 * MIB, concurrency: 1 });
  const before = parent && {
    root: parent,
    map: new MapReader(parent, new PackReader({ store, vault, kind: 'map', packs: parent.mapPacks, signal })),
    lostPacks: new Set<string>(),
  };
  const map = new MapWriter(packs, vault, before);
  let grainsNew = 0;
  for (let index = 0; index < grains; index++) {
    const old = before && random() >= part ? await map.ofParent(index) : undefined;
    await map.set(index, old ?? { ...addressOf(attempt, grainsNew++), key: newKey() });
  }
  const pages = await map.finish();
  const mapPacks = await packs.finish();
  const dataPacks = [...map.referenced].map((id) => ({
    id,
    blobs: grainsOfPack,
    bytes: 16 * MIB,
    keysDigest: Buffer.alloc(16),
  }));
  const used = new Set([...pages.values()].map(({ pack }) => pack));
  const inherited = (parent?.mapPacks ?? []).filter(({ id }) => used.has(id));
  const root: Root = { grainBytes, dataPacks, mapPacks: [...inherited, ...mapPacks], pages, recipe: [] };
  const rootBytes = (await formatRoot(root)).length;
  return { root, rootBytes, bytes: packs.storedBytes + rootBytes, grainsNew };
}

function addressOf(attempt: string, number: number) {
  return { pack: packId('data', attempt, Math.floor(number / grainsOfPack)), ordinal: number % grainsOfPack };
}

/** 16 bytes that nothing compresses. */
function newKey(): Buffer {
  const key = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) key.writeUInt32LE(random() * 2 ** 32, at);
  return key;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function seconds(): string {
  return `${(process.cpuUsage().user / 1e6).toFixed(0)} s of CPU so far`;
}
