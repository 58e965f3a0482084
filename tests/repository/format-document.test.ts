import { describe, expect, test } from '@jest/globals';
import { readByDocument } from './support/documented-reader.js';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const passphrase = 'correct horse battery staple';

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: { passphrase } }],
])('docs/repository-format.md tells how to read a backup (%s)', (_kind, options) => {
  test.each(['esxi', 'front', 'patched', 'qemu'] as const)('in the layout %s', async (layout) => {
    const lab = await RepositoryLab.create(options);
    const disk = new ChangingDisk(3000).write(...range(0, 10), 520, 1100, 2999);
    // Ids that are hashed, as they have capitals.
    const streams = [
      disk.stream(layout),
      disk.write(3, 700).stream(layout, { progressBefore: [520, 1100] }),
      disk.stream(layout, { emptyTables: true, entriesPerTable: 1024 }),
      // Cut off in the middle of a grain, and no VMDK.
      disk.stream(layout).subarray(0, 300_001),
      Buffer.from('text'.repeat(100_000)),
    ];
    for (const [number, bytes] of streams.entries()) {
      await lab.storeStream(`B${number}`, bytes, 'v1');
      expect(readByDocument(lab.store.objects, 'v1', `B${number}`, passphrase).equals(bytes)).toBe(true);
    }
  });

  test('some of whose packs were rewritten', async () => {
    const lab = await RepositoryLab.create(options);
    const disk = new ChangingDisk(600, 8).write(...range(0, 30));
    await lab.storeStream('b1', disk.stream());
    const bytes = disk.write(...range(0, 25)).stream();
    await lab.storeStream('b2', bytes);
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    for (let run = 0; run < 5; run++) {
      lab.store.pass(25);
      await lab.service.collectGarbage({ maxRepackBytes: Infinity });
    }
    const rewritten = lab.store.keys.find((key) => /^data\/.*\./.test(key));
    expect(rewritten).toBeDefined();
    expect(lab.store.keys).not.toContain(rewritten!.replace(/\..*/, ''));
    expect(readByDocument(lab.store.objects, 'v1', 'b2', passphrase).equals(bytes)).toBe(true);
  });
});
