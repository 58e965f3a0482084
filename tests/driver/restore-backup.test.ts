import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { bytesPerGiB, Lab, someContent } from './support/lab.js';

describe.each(['vcenter', 'esxi'] as const)('restoreBackup on %s', (mode) => {
  describe.each(['file', 'stream'] as const)('by %s', (transfer) => {
    const options = { simulator: { mode }, config: { transfer } };

    test('gives an existing backing its old content back, and leaves nothing else changed', async () => {
      await using lab = await Lab.start(options);
      const volume = await lab.addVolume();
      const backup = { id: 'b', volumeId: volume.id };
      const manifest = await lab.driver.backupVolume(backup, volume);
      const [before, content] = [lab.vmOf(volume), await lab.contentOf(volume)];
      await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());

      const result = await lab.driver.restoreBackup(backup, volume, { manifest });

      const after = lab.vmOf(volume);
      expect(await lab.contentOf(volume)).toBe(content);
      expect(after).toMatchObject({
        ref: before.ref,
        name: before.name,
        instanceUuid: before.instanceUuid,
        extraConfig: before.extraConfig,
      });
      const { path: _old, ...identity } = before.disks[0]!;
      expect(after.disks).toEqual([{ ...identity, path: expect.stringMatching(/-restored-[0-9a-f-]{36}\.vmdk$/) }]);
      expect(result).toMatchObject({ created: false, extended: false, cleanup: 'done', sha256: manifest.sha256 });
      expect(lab.simulator.leftovers()).toEqual([]);
      expect(lab.simulator.vms()).toHaveLength(1);
      expect(await lab.temporaryFiles()).toEqual([]);
    });

    test('makes a new volume whole before it is published', async () => {
      await using lab = await Lab.start(options);
      const volume = await lab.addVolume();
      const backup = { id: 'b', volumeId: volume.id };
      const manifest = await lab.driver.backupVolume(backup, volume);
      const copy = { id: randomUUID(), size: 1 };

      const result = await lab.driver.restoreBackup(backup, copy, { manifest });

      expect(await lab.contentOf(copy)).toBe(await lab.contentOf(volume));
      expect(lab.vmOf(copy)).toMatchObject({ name: `volume-${copy.id}`, extraConfig: { 'cinder.volume.id': copy.id } });
      expect(lab.diskOf(copy).uuid.toLowerCase()).toBe(copy.id);
      expect(result).toMatchObject({ created: true, extended: false, cleanup: 'done' });
      expect(lab.simulator.leftovers()).toEqual([]);
    });

    test('extends the disk where the volume is larger than the backup', async () => {
      await using lab = await Lab.start(options);
      const volume = await lab.addVolume();
      const backup = { id: 'b', volumeId: volume.id };
      const manifest = await lab.driver.backupVolume(backup, volume);
      const content = await lab.contentOf(volume);

      const larger = { id: randomUUID(), size: 3 };
      expect(await lab.driver.restoreBackup(backup, larger, { manifest })).toMatchObject({ extended: true });
      const grown = { ...volume, size: 2 };
      expect(await lab.driver.restoreBackup(backup, grown, { manifest })).toMatchObject({ extended: true });

      expect([lab.diskOf(larger).capacityBytes, lab.diskOf(grown).capacityBytes]).toEqual([
        3 * bytesPerGiB,
        2 * bytesPerGiB,
      ]);
      expect([await lab.contentOf(larger), await lab.contentOf(grown)]).toEqual([content, content]);
      expect(lab.simulator.leftovers()).toEqual([]);
    });
  });
});
