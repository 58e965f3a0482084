import { describe, expect, test } from '@jest/globals';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const layouts = ['esxi', 'front', 'patched', 'qemu'] as const;
const disk = () => new ChangingDisk(3000).write(...range(0, 40), ...range(500, 530), 1100, ...range(2900, 3000));

describe('a stream comes back to the byte', () => {
  test.each(layouts)('in the layout %s', async (layout) => {
    const lab = await RepositoryLab.create();
    const bytes = disk().stream(layout);
    await lab.storeStream('b1', bytes);
    expect((await lab.restored('b1')).equals(bytes)).toBe(true);
  });

  test('in small grains, with progress markers and needless tables', async () => {
    const lab = await RepositoryLab.create();
    const options = [{ progressBefore: [500, 1100] }, { emptyTables: true }];
    for (const [number, option] of options.entries()) {
      const bytes = disk().stream('esxi', option);
      await lab.storeStream(`b${number}`, bytes);
      expect((await lab.restored(`b${number}`)).equals(bytes)).toBe(true);
    }
  });

  test.each(layouts)('cut off or broken anywhere, in the layout %s', async (layout) => {
    const lab = await RepositoryLab.create();
    const whole = new ChangingDisk(600).write(0, 1, 2, 520).stream(layout);
    let place = 0;
    for (let length = 1; length < whole.length; length += 7919) {
      const broken = Buffer.from(whole);
      broken.writeUInt8(broken.readUInt8(length) ^ 0xff, length);
      for (const bytes of [whole.subarray(0, length), broken]) {
        const id = `b${place++}`;
        await lab.storeStream(id, bytes);
        expect((await lab.restored(id)).equals(bytes)).toBe(true);
      }
    }
  });

  test('whatever follows its end', async () => {
    const lab = await RepositoryLab.create();
    for (const [number, more] of [Buffer.alloc(100_000), Buffer.from('more')].entries()) {
      const bytes = Buffer.concat([disk().stream(), more]);
      await lab.storeStream(`b${number}`, bytes);
      expect((await lab.restored(`b${number}`)).equals(bytes)).toBe(true);
    }
  });
});

describe('an increment', () => {
  test.each(layouts)('stores what changed, in the layout %s', async (layout) => {
    const lab = await RepositoryLab.create();
    const changing = disk();
    const first = changing.stream(layout);
    const full = await lab.storeStream('b1', first);
    expect(full.increment).toMatchObject({ parent: null, grainsNew: 171, grainsSame: 0 });
    // A grain of another length shifts all that follow.
    const second = changing.write(3, 700).discard(505).stream(layout);
    const { increment } = await lab.storeStream('b2', second);
    expect(increment).toMatchObject({ parent: 'b1', grainsNew: 2, grainsSame: 169 });
    expect((await lab.restored('b1')).equals(first)).toBe(true);
    expect((await lab.restored('b2')).equals(second)).toBe(true);
  });

  test('of an unchanged disk stores no grain and shares the map', async () => {
    const lab = await RepositoryLab.create();
    const bytes = disk().stream();
    await lab.storeStream('b1', bytes);
    const { increment } = await lab.storeStream('b2', bytes);
    expect(increment).toMatchObject({ grainsNew: 0, grainsSame: 171 });
    expect(increment.bytesStored).toBeLessThan(2000);
  });

  test('needs no other backup: any may be deleted', async () => {
    const lab = await RepositoryLab.create();
    const changing = disk();
    const streams = new Map<string, Buffer>();
    for (let generation = 0; generation < 6; generation++) {
      const bytes = changing
        .write(generation, 100 * generation)
        .discard(2900 + generation)
        .stream();
      streams.set(`b${generation}`, bytes);
      await lab.storeStream(`b${generation}`, bytes);
    }
    for (const gone of ['b2', 'b0', 'b4']) {
      await lab.service.delete({ id: gone, volumeId: 'v1' });
      streams.delete(gone);
      for (let run = 0; run < 2; run++) {
        lab.store.pass(25);
        await lab.service.collectGarbage();
      }
      for (const [id, bytes] of streams) expect((await lab.restored(id)).equals(bytes)).toBe(true);
    }
  });
});
