import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { newAttempt } from '../../src/repository/format/pack-id.js';
import { formatRoot, parseRoot, type Root } from '../../src/repository/format/root.js';
import { sealedVault } from '../../src/repository/vault/sealed-vault.js';
import { needing } from '../support/needing.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { buildVmdk } from '../vmdk/support/build-vmdk.js';
import { noise } from '../vmdk/support/disks.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

/** CPU time of the main thread in a turn, at most, in milliseconds. */
const limit = 50;

needing(existsSync('/proc/self/task'), 'the main thread cannot be measured').describe(
  'a repository does not hold the main thread',
  () => {
    test('where a disk of 64 TiB is nearly empty', async () => {
      const lab = await RepositoryLab.create();
      const places = [0, 2 ** 29, 2 ** 30 - 1];
      const grains = new Map(places.map((place) => [place, noise(`${place}`, 65_536)]));
      const { bytes } = buildVmdk({ layout: 'esxi', capacity: 2 ** 37, entriesPerTable: 65_536, grains });
      await lab.storeStream('b1', bytes);
      const { result, cpuMs } = await longestTurnOfBest(limit, () => lab.restored('b1'));
      expect(result.equals(bytes)).toBe(true);
      expect(cpuMs).toBeLessThan(limit);
    });

    test.each([
      ['plain', {}],
      ['encrypted', { encryption: { passphrase: 'correct horse battery staple' } }],
    ])('where a batch has thousands of grains, %s', async (_kind, options) => {
      const lab = await RepositoryLab.create(options);
      const bytes = new ChangingDisk(20_000, 8).zero(...range(0, 20_000)).stream();
      const manifests = range(0, 4).map((run) => manifestFor('b1', `v${run}`, bytes));
      let runs = 0;
      const back = async (): Promise<void> => {
        const manifest = manifests[runs++]!;
        const writer = await lab.service.openBackup({ id: 'b1', volumeId: manifest.volumeId });
        for (let from = 0; from < bytes.length; from += 2 ** 20)
          await writer.write(bytes.subarray(from, from + 2 ** 20));
        await writer.commit(manifest);
      };
      // What is compiled in the middle of the measurement is none of it.
      await back();
      expect((await longestTurnOfBest(limit, back)).cpuMs).toBeLessThan(limit);
      const restored = await longestTurnOfBest(limit, () => lab.restored('b1', 'v0'));
      expect(restored.cpuMs).toBeLessThan(limit);
    });

    test.each([
      ['what comes before the grains looks like directories', true],
      ['each grain is of a table of its own', false],
    ])('where %s', async (_what, isDirectories) => {
      const lab = await RepositoryLab.create();
      const [entriesPerTable, capacity] = [isDirectories ? 128 : 65_536, 2 ** 33];
      const built = buildVmdk({
        layout: 'esxi',
        capacity: 1024,
        headerCapacity: capacity,
        descriptor: (text) => text.replace('RDONLY 1024', `RDONLY ${capacity}`),
        grainSize: 8,
        entriesPerTable,
        grains: new Map(),
      });
      const head = Buffer.alloc(1024 * 512);
      built.bytes.copy(head, 0, 0, built.overhead);
      head.writeBigUInt64LE(1024n, 64);
      for (let sector = 2; sector < 1024; sector++) if (isDirectories) head.writeUInt32LE(2, sector * 512 + 12);
      const parts = range(0, isDirectories ? 1 : 1000).map((place) => {
        const grain = Buffer.alloc(512);
        grain.writeBigUInt64LE(BigInt(place * entriesPerTable * 8), 0);
        grain.writeUInt32LE(4, 8);
        return grain;
      });
      const bytes = Buffer.concat([head, ...parts]);
      let runs = 0;
      const back = () => lab.storeStream('b1', bytes, `v${(runs += 1)}`);
      expect((await longestTurnOfBest(limit, back)).cpuMs).toBeLessThan(limit);
      expect((await lab.restored('b1', 'v1')).equals(bytes)).toBe(true);
      const { increment } = await lab.storeStream('b2', bytes);
      expect(increment.grainsSame).toBe(parts.length);
    });

    test("where a root has a full disk's packs and pages, of 4 TiB", async () => {
      const attempt = newAttempt();
      const pack = (number: number) => ({
        id: attempt + number.toString(16).padStart(8, '0'),
        blobs: 256,
        bytes: 2 ** 24,
        keysDigest: Buffer.alloc(16),
      });
      const mapPacks = range(0, 2048).map((number) => pack(0x8000_0000 + number));
      const root: Root = {
        grainBytes: 65_536,
        dataPacks: range(0, 262_144).map(pack),
        mapPacks,
        pages: new Map(range(0, 524_288).map((page) => [page, { pack: mapPacks[page >> 8]!.id, ordinal: page & 255 }])),
        recipe: [],
      };
      const formatted = await longestTurnOfBest(limit, () => formatRoot(root));
      expect(formatted.cpuMs).toBeLessThan(limit);
      const parsed = await longestTurnOfBest(limit, () => parseRoot(formatted.result));
      expect(parsed.cpuMs).toBeLessThan(limit);
      expect(parsed.result.pages.size).toBe(524_288);
    });

    test('where the longest root is encrypted', async () => {
      const vault = sealedVault(Buffer.alloc(32, 7));
      const root = Buffer.alloc(2 ** 28, 'abc');
      const sealed = await longestTurnOfBest(limit, () => vault.sealRoot('a', root));
      expect(sealed.cpuMs).toBeLessThan(limit);
      const opened = await longestTurnOfBest(limit, () => vault.openRoot('a', sealed.result));
      expect(opened.cpuMs).toBeLessThan(limit);
      expect(opened.result.equals(root)).toBe(true);
    });

    test('where ten thousands of packs are garbage', async () => {
      const lab = await RepositoryLab.create();
      const attempt = newAttempt();
      const infos = range(0, 60_000).map((number) => {
        const key = `data/${attempt}/${number.toString(16).padStart(8, '0')}`;
        return { key, size: 2 ** 24, lastModified: lab.store.now() };
      });
      lab.store.pass(25);
      const { list } = lab.store;
      // Page by page, as stores have it.
      lab.store.list = async function* (prefix, options) {
        if (prefix !== 'data/') yield* list.call(lab.store, prefix, options);
        else {
          for (const [place, info] of infos.entries()) {
            if (place % 1000 === 0) await setImmediate();
            yield info;
          }
        }
      };
      const { result, cpuMs } = await longestTurnOfBest(limit, () => lab.service.collectGarbage({ dryRun: true }));
      expect(result).toMatchObject({ marked: 60_000 });
      expect(cpuMs).toBeLessThan(limit);
    });
  },
);
