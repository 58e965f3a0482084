import { strict as assert } from 'node:assert';
import type { CheckOf } from '../check.js';
import type { StoreLab } from './store-lab.js';

/** More than S3 lists, and deletes, by one request. */
const many = 1100;

export const listingAndDeleting: readonly CheckOf<StoreLab>[] = [
  {
    name: 'lists what it holds, in the order of the keys, with its sizes',
    check: async (lab) => {
      const sizes = { 'a/1': 1, 'a/2': 2, 'a-1': 3, 'b/c/d': 4, b1: 5 };
      for (const [name, size] of Object.entries(sizes)) await lab.fill(name, size);
      const infos = await lab.infos();
      assert.deepEqual(
        infos.map(({ key, size }) => [key, size]),
        [
          [lab.key('a-1'), 3],
          [lab.key('a/1'), 1],
          [lab.key('a/2'), 2],
          [lab.key('b/c/d'), 4],
          [lab.key('b1'), 5],
        ],
      );
      assert.ok(infos.every(({ lastModified }) => lastModified.getTime() > Date.UTC(2000, 0)));
    },
  },
  {
    name: 'lists what begins with a prefix, which may end within a segment',
    check: async (lab) => {
      for (const name of ['ab/1', 'ab/2', 'abc/3', 'b/ab/4', 'ab5']) await lab.fill(name, 1);
      assert.deepEqual(await lab.names('ab/'), ['ab/1', 'ab/2']);
      assert.deepEqual(await lab.names('ab'), ['ab/1', 'ab/2', 'ab5', 'abc/3']);
      assert.deepEqual(await lab.names('abc/3'), ['abc/3']);
      assert.deepEqual(await lab.names('c'), []);
    },
  },
  {
    name: `lists and deletes ${many} objects`,
    check: async (lab) => {
      const names = Array.from({ length: many }, (_, number) => `many/${number.toString().padStart(5, '0')}`);
      for (let begin = 0; begin < many; begin += 20) {
        await Promise.all(names.slice(begin, begin + 20).map((name) => lab.fill(name, 1)));
      }
      assert.deepEqual(await lab.names('many/'), names);
      const { deleted, missing, retained, failed } = await lab.delete(...names);
      assert.deepEqual([deleted.length, missing, retained, failed], [many, [], [], []]);
      assert.deepEqual(await lab.names(), []);
    },
  },
  {
    name: 'deletes the objects it is told, and no other',
    check: async (lab) => {
      const kept = await lab.fill('kept');
      await lab.fill('folder/gone');
      const { deleted, failed } = await lab.delete('folder/gone');
      assert.deepEqual([deleted, failed], [[lab.key('folder/gone')], []]);
      await lab.expectNone('folder/gone');
      await lab.expectBytes('kept', kept);
      assert.deepEqual(await lab.names(), ['kept']);
    },
  },
  {
    name: 'does not mind deleting what is not there, or nothing',
    check: async (lab) => {
      await lab.fill('there');
      const { deleted, missing, retained, failed } = await lab.delete('there', 'not-there');
      assert.deepEqual([...deleted, ...missing].sort(), [lab.key('not-there'), lab.key('there')]);
      assert.ok(!missing.includes(lab.key('there')));
      assert.deepEqual([retained, failed], [[], []]);
      assert.deepEqual(await lab.delete(), { deleted: [], missing: [], retained: [], failed: [] });
    },
  },
  {
    name: 'takes a deleted key anew',
    check: async (lab) => {
      await lab.fill('folder/object', 2000);
      await lab.delete('folder/object');
      await lab.expectBytes('folder/object', await lab.fill('folder/object'));
    },
  },
];
