import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { types } from 'node:util';
import type { CheckOf } from '../check.js';
import { assertBytes, digest } from '../digest.js';
import type { StoreLab } from './store-lab.js';

const mebibyte = 1024 * 1024;

export const readingAndWriting: readonly CheckOf<StoreLab>[] = [
  ...[0, 1, 65_537, mebibyte + 1, 5 * mebibyte + 12_345].map((size) => ({
    name: `gives back exactly the ${size} bytes it was given`,
    check: async (lab: StoreLab) => {
      await lab.expectBytes('object', await lab.fill('object', size));
      assert.equal((await lab.store.stat(lab.key('object')))?.size, size);
    },
  })),
  {
    name: 'takes a body in several buffers, empty ones too',
    check: async (lab) => {
      const buffers = [5, 0, 2 * mebibyte, 1, 0].map((size) => randomBytes(size));
      await lab.store.put(lab.key('object'), buffers);
      await lab.expectBytes('object', Buffer.concat(buffers));
    },
  },
  {
    name: 'says that it created the object',
    check: async (lab) => {
      assert.deepEqual(await lab.store.put(lab.key('object'), randomBytes(10)), { created: true });
    },
  },
  {
    name: 'replaces an object by a shorter one',
    check: async (lab) => {
      await lab.fill('object', 2 * mebibyte);
      await lab.expectBytes('object', await lab.fill('object', 10));
    },
  },
  {
    name: 'keeps keys apart that differ in case, or in a character that is special elsewhere',
    check: async (lab) => {
      const names = [
        'a',
        'A',
        'a b',
        'a+b',
        'a%20b',
        'a%2fb',
        'a&b=c',
        'ä',
        'a?b',
        'a#b',
        'a.b',
        "a'b(c)*!~",
        '日本',
        'con',
      ];
      const stored = new Map<string, Buffer>();
      for (const name of names) stored.set(name, await lab.fill(name));
      for (const [name, bytes] of stored) await lab.expectBytes(name, bytes);
      assert.deepEqual(new Set(await lab.names()), new Set(names));
      const { failed } = await lab.delete(...names);
      assert.deepEqual(failed, []);
      assert.deepEqual(await lab.names(), []);
    },
  },
  {
    name: 'has no object it was never given',
    check: (lab) => lab.expectNone('object'),
  },
  {
    name: 'reads a part of an object, from its beginning, its middle and its end',
    check: async (lab) => {
      const bytes = await lab.fill('object', 3 * mebibyte);
      for (const [offset, length] of [
        [0, 1],
        [1, 1],
        [mebibyte - 1, mebibyte + 2],
        [bytes.length - 1, 1],
        [0, bytes.length],
      ] as const) {
        const part = await lab.read('object', { offset, length });
        assertBytes(part, bytes.subarray(offset, offset + length), `${length} bytes from ${offset} on`);
      }
      assertBytes(await lab.read('object', { offset: 100 }), bytes.subarray(100), 'from 100 on');
    },
  },
  {
    name: 'does not give a part that the object does not have, nor less of it',
    check: async (lab) => {
      await lab.fill('object', 1000);
      for (const range of [
        { offset: 999, length: 2 },
        { offset: 1000, length: 1 },
        { offset: 1000 },
        { offset: 5000 },
      ]) {
        await assert.rejects(lab.read('object', range), { code: 'STORE_FAILED' });
      }
    },
  },
  {
    name: 'says when an object was put, by one clock',
    check: async (lab) => {
      await lab.fill('first');
      const first = await lab.store.stat(lab.key('first'));
      await lab.fill('second');
      const second = await lab.store.stat(lab.key('second'));
      assert.equal(first?.key, lab.key('first'));
      assert.ok(types.isDate(first.lastModified) && types.isDate(second?.lastModified));
      assert.ok(first.lastModified.getTime() > Date.UTC(2000, 0));
      assert.ok(first.lastModified <= second.lastModified);
    },
  },
  {
    name: 'takes different objects at once',
    check: async (lab) => {
      const names = Array.from({ length: 12 }, (_, number) => `folder/${number}`);
      const stored = await Promise.all(names.map(async (name) => [name, await lab.fill(name, 300_000)] as const));
      for (const [name, bytes] of stored) await lab.expectBytes(name, bytes);
    },
  },
  {
    name: 'ends several puts of one key at once in one of them, whole',
    check: async (lab) => {
      const bodies = [1, 2, 3, 4].map((size) => randomBytes(size * 400_000));
      await Promise.all(bodies.map((body) => lab.store.put(lab.key('object'), body)));
      assert.ok(bodies.map(digest).includes(digest(await lab.read('object'))));
    },
  },
  {
    name: 'never gives a reader a mix of two objects',
    check: async (lab) => {
      const bytes = await lab.fill('object', 24 * mebibyte);
      const stream = await lab.store.get(lab.key('object'));
      await once(stream, 'readable');
      await lab.fill('object', 24 * mebibyte);
      // An error is as good: the store may be unable to go on with an object that is not there any more.
      const read = await buffer(stream).catch(() => undefined);
      if (read !== undefined) assertBytes(read, bytes, 'what the reader got');
    },
  },
  {
    name: 'goes on after a reader that did not read to the end',
    check: async (lab) => {
      const bytes = await lab.fill('object', 8 * mebibyte);
      for (let readers = 0; readers < 20; readers++) {
        const stream = await lab.store.get(lab.key('object'));
        await once(stream, 'readable');
        stream.destroy();
        await once(stream, 'close');
      }
      await lab.expectBytes('object', bytes);
    },
  },
  {
    name: 'refuses keys that are none',
    check: async (lab) => {
      for (const key of [
        '',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a\nb',
        'a\0b',
        'a'.repeat(1025),
      ]) {
        await assert.rejects(() => lab.store.put(key, randomBytes(1)), { code: 'INVALID_INPUT' }, JSON.stringify(key));
        await assert.rejects(() => lab.store.get(key), { code: 'INVALID_INPUT' }, JSON.stringify(key));
      }
    },
  },
];
