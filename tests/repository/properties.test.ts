import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const runs = Number(process.env['VMDK_DRIVER_PROPERTY_RUNS'] ?? 60);

/** What happens to a disk between two backups. */
const place = fc.nat({ max: 299 });
const change = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), places: fc.array(place, { minLength: 1, maxLength: 8 }) }),
  // A run of neighbours, across the bounds of pages.
  fc.record({ kind: fc.constant('fill' as const), from: place, count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('zero' as const), places: fc.array(place, { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('discard' as const), places: fc.array(place, { minLength: 1, maxLength: 8 }) }),
  fc.record({ kind: fc.constant('grow' as const), grains: fc.integer({ min: 1, max: 200 }) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const generation = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  // Another layout than the last time: the same volume, exported by something else.
  layout: fc.constantFrom('esxi', 'front', 'patched', 'qemu'),
});

const history = fc.record({
  grainSectors: fc.constantFrom(8, 128),
  generations: fc.array(generation, { minLength: 1, maxLength: 6 }),
  /** Which of those that are left goes next. */
  deletions: fc.array(fc.nat(), { maxLength: 6 }),
  compacts: fc.boolean(),
  passphrase: fc.option(fc.constant('of the test'), { nil: undefined, freq: 8 }),
});

function apply(disk: ChangingDisk, made: Change): void {
  switch (made.kind) {
    case 'write':
      disk.write(...made.places);
      break;
    case 'fill':
      disk.write(...range(made.from, Math.min(300, made.from + made.count)));
      break;
    case 'zero':
      disk.zero(...made.places);
      break;
    case 'discard':
      disk.discard(...made.places);
      break;
    case 'grow':
      disk.grow(made.grains);
  }
}

test('however a disk changes, each of its backups comes back to the byte, whichever others are deleted', async () => {
  const property = fc.asyncProperty(history, async ({ grainSectors, generations, deletions, compacts, passphrase }) => {
    const lab = await RepositoryLab.create({
      packBytes: 64 * 1024,
      ...(passphrase === undefined ? {} : { encryption: { passphrase } }),
    });
    const disk = new ChangingDisk(300, grainSectors);
    const kept = new Map<string, Buffer>();
    for (const [number, { changes, layout }] of generations.entries()) {
      for (const made of changes) apply(disk, made);
      const bytes = disk.stream(layout);
      kept.set(`b${number}`, bytes);
      await lab.storeStream(`b${number}`, bytes);
      lab.store.pass(25);
    }
    const assertWhole = async (): Promise<void> => {
      for (const [id, bytes] of kept) expect((await lab.restored(id)).equals(bytes)).toBe(true);
    };
    await assertWhole();
    for (const number of deletions) {
      const [id] = [...kept.keys()].slice(number % kept.size);
      if (id === undefined) break;
      await lab.service.delete({ id, volumeId: 'v1' });
      kept.delete(id);
      for (let run = 0; run < 3; run++) {
        await lab.service.collectGarbage(compacts ? { maxRepackBytes: 2 ** 30 } : {});
        lab.store.pass(25);
      }
      await assertWhole();
      if (kept.size === 0) break;
    }
    expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  });
  await fc.assert(property, { numRuns: runs, seed: 20_261_127, endOnFailure: true });
});
