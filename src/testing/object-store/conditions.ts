import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { CheckOf } from '../check.js';
import { digest } from '../digest.js';
import type { StoreLab } from './store-lab.js';

const writers = 12;

/** How long the checks lock objects, in milliseconds. These stay behind. */
const lockMs = 60_000;

/** Whether objects can be locked. Of stores that can, a single bucket may not: it says so. */
async function retains(lab: StoreLab): Promise<boolean> {
  if (lab.capabilities.retention !== true) return false;
  try {
    await lab.store.put(lab.key('probe'), randomBytes(10), { retainUntil: new Date(Date.now() + 2000) });
    return true;
  } catch (error) {
    if ((error as { reason?: unknown }).reason !== 'no-retention') throw error;
    await lab.expectNone('probe');
    return false;
  }
}

const ifAbsent = (lab: StoreLab) => lab.capabilities.ifAbsent ?? 'none';

export const conditions: readonly CheckOf<StoreLab>[] = [
  {
    name: 'puts with ifAbsent only where nothing is',
    applies: (lab) => ifAbsent(lab) !== 'none',
    check: async (lab) => {
      const [first, second] = [randomBytes(1000), randomBytes(500)];
      const put = (bytes: Buffer) => lab.store.put(lab.key('object'), bytes, { ifAbsent: true });
      assert.deepEqual(await put(first), { created: true });
      assert.deepEqual(await put(second), { created: false });
      await lab.expectBytes('object', first);
      await lab.delete('object');
      assert.deepEqual(await put(second), { created: true });
      await lab.expectBytes('object', second);
    },
  },
  {
    name: `lets one of ${writers} win that put one key with ifAbsent at once`,
    applies: (lab) => ifAbsent(lab) === 'atomic',
    check: async (lab) => {
      for (let round = 0; round < 5; round++) {
        const name = `race-${round}`;
        const bodies = Array.from({ length: writers }, () => randomBytes(1000));
        const results = await Promise.all(bodies.map((body) => lab.store.put(lab.key(name), body, { ifAbsent: true })));
        const winners = bodies.filter((_, number) => results[number]?.created === true);
        assert.equal(winners.length, 1, 'winners');
        assert.equal(digest(await lab.read(name)), digest(winners[0] ?? Buffer.alloc(0)));
      }
    },
  },
  {
    name: 'rejects ifAbsent where it cannot keep it',
    applies: (lab) => ifAbsent(lab) === 'none',
    check: async (lab) => {
      await assert.rejects(lab.store.put(lab.key('object'), randomBytes(10), { ifAbsent: true }));
      await lab.expectNone('object');
    },
  },
  {
    name: 'rejects a lock that it cannot promise, and has no such object',
    applies: async (lab) => !(await retains(lab)),
    check: async (lab) => {
      const retainUntil = new Date(Date.now() + lockMs);
      await assert.rejects(lab.store.put(lab.key('object'), randomBytes(10), { retainUntil }));
      await lab.expectNone('object');
    },
  },
  {
    name: 'does not delete a locked object, and says so',
    applies: retains,
    check: async (lab) => {
      const bytes = randomBytes(1000);
      const retainUntil = new Date(Date.now() + lockMs);
      await lab.store.put(lab.key('locked'), bytes, { retainUntil });
      await lab.fill('free');
      const told = (await lab.store.stat(lab.key('locked')))?.retainUntil;
      assert.ok(told !== undefined && told >= retainUntil);
      const { deleted, retained, failed } = await lab.delete('locked', 'free');
      assert.deepEqual([deleted, retained, failed], [[lab.key('free')], [lab.key('locked')], []]);
      await lab.expectBytes('locked', bytes);
      assert.deepEqual(await lab.names(), ['locked', 'probe']);
    },
  },
  {
    name: 'extends a lock, and never shortens it',
    applies: retains,
    check: async (lab) => {
      const { store } = lab;
      const [early, late] = [lockMs, 2 * lockMs].map((ms) => new Date(Math.ceil((Date.now() + ms) / 1000) * 1000));
      const told = async () => (await store.stat(lab.key('locked')))?.retainUntil?.getTime();
      assert.ok(store.extendRetention !== undefined && early !== undefined && late !== undefined);
      await lab.fill('locked');
      assert.equal(await told(), undefined);
      await store.extendRetention(lab.key('locked'), early);
      assert.equal(await told(), early.getTime());
      await store.extendRetention(lab.key('locked'), late);
      assert.equal(await told(), late.getTime());
      await store.extendRetention(lab.key('locked'), early);
      assert.equal(await told(), late.getTime());
      assert.deepEqual((await lab.delete('locked')).retained, [lab.key('locked')]);
      await assert.rejects(store.extendRetention(lab.key('none'), early), { code: 'OBJECT_NOT_FOUND' });
    },
  },
];
