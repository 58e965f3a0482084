import { createReadStream } from 'node:fs';
import { appendFile, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  decodeVmdk,
  decodeVmdkStream,
  encodeVmdk,
  encodeVmdkStream,
  inspectVmdk,
  verifyVmdk,
} from '../../src/vmdk/index.js';
import { needing } from '../support/needing.js';
import { LAYOUTS, validVmdk } from '../support/vmdk-mutations.js';
import { diskOf, GRAIN, MemoryDisk, noise, prose } from './support/disks.js';
import { compareImages, hasQemu, qemuImg, qemuIo } from './support/qemu.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

needing(hasQemu, 'qemu-img is not installed').describe('qemu-img as a peer', () => {
  let directory: string;
  const file = (name: string): string => join(directory, name);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vmdk-qemu-'));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  /** A sparse image with some text and noise, also in its last sector. */
  async function writeRaw(path: string, size: number): Promise<void> {
    const raw = await open(path, 'w');
    await raw.truncate(size);
    await raw.write(noise('begin', Math.min(size, 3 * GRAIN)), 0, undefined, 0);
    if (size > 64 * MIB) await raw.write(prose('middle', 2 * MIB), 0, undefined, size / 2 - (size % 1024) / 2);
    await raw.write(prose('end', 512), 0, undefined, size - 512);
    await raw.close();
  }

  test.each([
    ['1 MiB', MIB],
    ['no multiple of a grain', 70 * MIB + 512],
    ['half a grain', GRAIN / 2],
    ['100 MiB', 100 * MIB],
  ])('files, both ways: %s', async (_name, size) => {
    await writeRaw(file('a.raw'), size);
    await encodeVmdk(file('a.raw'), file('ours.vmdk'));
    expect(await qemuImg('check', '-f', 'vmdk', file('ours.vmdk'))).toContain('No errors');
    expect(await compareImages(['raw', file('a.raw')], ['vmdk', file('ours.vmdk')])).toBe('identical');
    await qemuImg('convert', '-f', 'vmdk', '-O', 'raw', file('ours.vmdk'), file('theirs.raw'));
    expect(await compareImages(['raw', file('a.raw')], ['raw', file('theirs.raw')])).toBe('identical');

    await qemuImg(
      'convert',
      '-O',
      'vmdk',
      '-o',
      'subformat=streamOptimized',
      '-f',
      'raw',
      file('a.raw'),
      file('q.vmdk'),
    );
    const info = await decodeVmdk(file('q.vmdk'), file('q.raw'));
    expect(info).toMatchObject({ layout: 'qemu', capacityBytes: size });
    expect(await compareImages(['raw', file('a.raw')], ['raw', file('q.raw')])).toBe('identical');
  });

  test.each([
    ['100 GiB', 100 * GIB],
    ['3 TiB', 3 * TIB],
  ])(
    'sparse disks we write: %s',
    async (_name, size) => {
      const last = size / GRAIN - 1;
      const grains = [0, 511, 512, Math.floor(last / 3), last - 1, last];
      const pattern = (index: number): number => (index % 250) + 1;
      const disk = diskOf(size, new Map(grains.map((index) => [index, Buffer.alloc(GRAIN, pattern(index))])));
      await writeFile(file('big.vmdk'), encodeVmdkStream(disk));
      expect(await inspectVmdk(file('big.vmdk'))).toMatchObject({ capacityBytes: size, grainCount: grains.length });
      expect(await qemuImg('check', '-f', 'vmdk', file('big.vmdk'))).toContain('No errors');
      const copy = new MemoryDisk(size);
      await decodeVmdkStream(file('big.vmdk'), copy);
      expect(copy.digest()).toBe(disk.digest());
      // Reading all of it takes qemu-img a minute: what is at some places, and that nothing is beside them, will do.
      const reads = grains.map((index) => `read -P ${pattern(index)} ${index * GRAIN} ${GRAIN}`);
      const zeros = [2, 513, last / 2, last - 20].map(
        (index) => `read -P 0 ${Math.floor(index) * GRAIN} ${16 * GRAIN}`,
      );
      expect(await qemuIo(file('big.vmdk'), [...reads, ...zeros])).not.toContain('verification failed');
      expect(await qemuIo(file('big.vmdk'), ['read -P 7 0 512'])).toContain('verification failed');
    },
    120_000,
  );

  test.each([
    ['100 GiB', 100 * GIB],
    ['2 TiB and a GiB', 2 * TIB + GIB],
  ])(
    'sparse disks it writes: %s',
    async (_name, size) => {
      await writeRaw(file('sparse.raw'), size);
      await qemuImg(
        'convert',
        '-O',
        'vmdk',
        '-o',
        'subformat=streamOptimized',
        '-f',
        'raw',
        file('sparse.raw'),
        file('sparse.vmdk'),
      );
      const info = await verifyVmdk(file('sparse.vmdk'));
      expect(info).toMatchObject({ layout: 'qemu', capacityBytes: size });
      await decodeVmdk(file('sparse.vmdk'), file('back.raw'));
      const raw = new MemoryDisk(size);
      await decodeVmdkStream(createReadStream(file('sparse.vmdk')), raw);
      const back = await open(file('back.raw'), 'r');
      expect((await back.stat()).size).toBe(size);
      const original = await open(file('sparse.raw'), 'r');
      expect(raw.pages.size).toBe(info.grainCount);
      for (const [index, page] of raw.pages) {
        const length = Math.min(GRAIN, size - index * GRAIN);
        for (const handle of [original, back]) {
          const { buffer } = await handle.read(Buffer.alloc(length), 0, length, index * GRAIN);
          expect(buffer.equals(page.subarray(0, length))).toBe(true);
        }
      }
      await back.close();
      await original.close();
    },
    120_000,
  );

  test('an empty disk it writes lacks its end-of-stream marker, and can be given one', async () => {
    await qemuImg('create', '-f', 'vmdk', '-o', 'subformat=streamOptimized', file('empty.vmdk'), '1G');
    expect(await inspectVmdk(file('empty.vmdk'))).toMatchObject({ needsEndOfStream: true, capacityBytes: GIB });
    await appendFile(file('empty.vmdk'), Buffer.alloc(512));
    expect(await inspectVmdk(file('empty.vmdk'))).toMatchObject({ needsEndOfStream: false, importable: true });
    expect(await qemuImg('check', '-f', 'vmdk', file('empty.vmdk'))).toContain('No errors');
  });

  test.each(LAYOUTS)('it reads what the tests build, as we do: %s', async (layout) => {
    await writeFile(file('built.vmdk'), validVmdk(layout).bytes);
    await decodeVmdk(file('built.vmdk'), file('built.raw'));
    expect(await compareImages(['raw', file('built.raw')], ['vmdk', file('built.vmdk')])).toBe('identical');
  });
});
