import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { CheckOf } from '../check.js';
import { manifestOf, newBackup } from './sample-backup.js';
import type { ServiceLab } from './service-lab.js';

const deletes = ({ service }: ServiceLab) => service.delete !== undefined;
const keepsManifests = ({ service }: ServiceLab) => service.readManifest !== undefined;
const lists = ({ service }: ServiceLab) => service.list !== undefined;

/** `delete`, `readManifest` and `list`. */
export const keeping: readonly CheckOf<ServiceLab>[] = [
  {
    name: 'deletes a backup and no other, and does not mind one that is gone',
    applies: deletes,
    check: async (lab) => {
      const [gone, kept] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await lab.store(gone, bytes);
      await lab.store(kept, bytes);
      await lab.service.delete?.(gone);
      await lab.service.delete?.(gone);
      await lab.expectNoBackup(gone);
      await lab.expectBytes(kept, bytes);
    },
  },
  {
    name: 'takes a deleted backup anew',
    applies: deletes,
    check: async (lab) => {
      const backup = newBackup();
      await lab.store(backup, randomBytes(2000));
      await lab.service.delete?.(backup);
      const bytes = randomBytes(1000);
      await lab.store(backup, bytes);
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'deletes nothing when it is aborted',
    applies: deletes,
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      await lab.store(backup, bytes);
      await assert.rejects(async () => lab.service.delete?.(backup, { signal: AbortSignal.abort() }));
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'gives back the manifest of the backup that is there',
    applies: keepsManifests,
    check: async (lab) => {
      const backup = newBackup();
      assert.equal(await lab.service.readManifest?.(backup), undefined);
      for (const bytes of [randomBytes(1000), randomBytes(500)]) {
        await lab.store(backup, bytes);
        assert.deepEqual(await lab.service.readManifest?.(backup), manifestOf(backup, bytes));
      }
    },
  },
  {
    name: 'has no manifest where it was given none',
    applies: keepsManifests,
    check: async (lab) => {
      const backup = newBackup();
      await lab.store(backup, randomBytes(1000));
      await lab.service.backup(backup, await lab.file(randomBytes(500)));
      assert.equal(await lab.service.readManifest?.(backup), undefined);
    },
  },
  {
    name: 'lists the backups that are there, each once, and those of one volume',
    applies: lists,
    check: async (lab) => {
      const mine = `volume-${newBackup().id}`;
      const [first, replaced, other] = [newBackup(), newBackup(), newBackup()].map((backup, number) => ({
        ...backup,
        volumeId: number === 2 ? `${mine}-2` : mine,
      }));
      assert.ok(first !== undefined && replaced !== undefined && other !== undefined);
      const listed = async (volumeId?: string) => {
        const lengths = new Map<string, number>();
        for await (const backup of lab.service.list?.({ volumeId }) ?? []) {
          // Others may be there too, even ones that cannot be read.
          if (backup.error !== undefined || !backup.volumeId.startsWith(mine)) continue;
          assert.ok(!lengths.has(backup.id), `${backup.id} is listed twice`);
          assert.ok(Number.isFinite(Date.parse(backup.storedAt)));
          lengths.set(backup.id, backup.streamBytes);
        }
        return lengths;
      };
      assert.deepEqual(await listed(mine), new Map());
      await lab.store(first, randomBytes(1000));
      await lab.store(replaced, randomBytes(2000));
      await lab.store(replaced, randomBytes(3000));
      await lab.store(other, randomBytes(4000));
      const ofVolume = new Map([
        [first.id, 1000],
        [replaced.id, 3000],
      ]);
      assert.deepEqual(sorted(await listed(mine)), sorted(ofVolume));
      assert.deepEqual(sorted(await listed()), sorted(ofVolume.set(other.id, 4000)));
      if (!deletes(lab)) return;
      await lab.service.delete?.(first);
      assert.deepEqual(await listed(mine), new Map([[replaced.id, 3000]]));
    },
  },
];

function sorted(lengths: ReadonlyMap<string, number>): [string, number][] {
  return [...lengths].sort(([a], [b]) => (a < b ? -1 : 1));
}
