import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileObjectStore } from '../../../src/stores/index.js';
import { objectStoreChecks } from '../../../src/testing/index.js';
import { describeChecks } from '../../testing/describe-checks.js';

let directory: string;
let store: FileObjectStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-object-store-'));
  store = new FileObjectStore({ directory });
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const files = async () => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
};
const keys = async (prefix = '') => {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
};

describeChecks(
  'FileObjectStore',
  objectStoreChecks(async () => {
    const own = await mkdtemp(join(tmpdir(), 'file-object-store-'));
    return {
      store: new FileObjectStore({ directory: join(own, 'deep', 'store') }),
      close: async () => {
        // Neither a temporary file nor an empty folder stays.
        const left = await readdir(join(own, 'deep', 'store'), { recursive: true }).catch(() => []);
        await rm(own, { recursive: true, force: true });
        expect(left.filter((name) => name !== '.incoming')).toEqual([]);
      },
    };
  }),
  ['rejects ifAbsent', 'does not delete a locked', 'extends a lock'],
);

describe('FileObjectStore', () => {
  it('keeps an object as a file under its own key where that is a plain name', async () => {
    await store.put('data/ab/0123-pack_1.json', Buffer.from('content'));
    expect(await files()).toEqual(['data/ab/0123-pack_1.json']);
    expect(await readFile(join(directory, 'data/ab/0123-pack_1.json'), 'utf8')).toBe('content');
  });

  it.each([
    ['Upper', '%55pper'],
    ['.hidden', '%2ehidden'],
    ['dot.', 'dot%2e'],
    ['nul', '%6eul'],
    ['aux.txt', '%61ux.txt'],
    ['ü', '%c3%bc'],
    ['per%cent', 'per%25cent'],
  ])('writes %s as %s, which no other key is written as', async (key, name) => {
    await store.put(key, Buffer.from('content'));
    expect(await files()).toEqual([name]);
    expect(await keys()).toEqual([key]);
  });

  it('refuses a segment that no file name has room for', async () => {
    await expect(store.put('a'.repeat(256), Buffer.alloc(1))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'key',
    });
  });

  it('does not list what is not its own', async () => {
    await store.put('object', Buffer.from('content'));
    await writeFile(join(directory, 'Foreign'), '');
    await writeFile(join(directory, '.nfs0001'), '');
    await mkdir(join(directory, 'lost+found'));
    await symlink('object', join(directory, 'link'));
    expect(await keys()).toEqual(['object']);
  });

  it('says why it fails, and leaves nothing', async () => {
    await store.put('a', Buffer.from('content'));
    await expect(store.put('a/b', Buffer.from('content'))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringMatching(/^a\/b cannot be put: /) as unknown,
    });
    await store.put('c/d', Buffer.from('content'));
    await expect(store.put('c', Buffer.from('content'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect((await files()).sort()).toEqual(['a', 'c/d']);
  });

  it('ends a stream with an error where the file is cut under it', async () => {
    await store.put('object', Buffer.alloc(8 * 1024 * 1024));
    const stream = await store.get('object');
    await once(stream, 'readable');
    await truncate(join(directory, 'object'), 3 * 1024 * 1024);
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'integrity' });
  });

  it('puts into a folder that deletes empty again and again', async () => {
    const rounds = Array.from({ length: 50 }, (_, number) => number);
    await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        for (const round of rounds) {
          await store.put(`folder/deep/${name}-${round}`, Buffer.from(name));
          expect((await store.delete([`folder/deep/${name}-${round}`])).failed).toEqual([]);
        }
      }),
    );
    expect(await readdir(directory)).toEqual(['.incoming']);
  });

  it('shows nothing of what a killed process was putting, and removes it with the next put', async () => {
    const child = spawn(
      process.execPath,
      ['--import', './scripts/ts-node.mjs', 'tests/stores/file/put-child.ts', directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exited = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), exited]);
    expect(await readdir(join(directory, '.incoming'))).toHaveLength(1);
    // It is alive: another's put leaves its file alone.
    await new FileObjectStore({ directory }).put('first', Buffer.from('1'));
    expect(await readdir(join(directory, '.incoming'))).toHaveLength(1);
    child.kill('SIGKILL');
    await exited;
    expect(await keys()).toEqual(['first']);
    await store.put('second', Buffer.from('2'));
    expect(await readdir(join(directory, '.incoming'))).toEqual([]);
    expect(await keys()).toEqual(['first', 'second']);
  });

  it('leaves alone what it has not put, however old', async () => {
    await store.put('first', Buffer.from('1'));
    const path = join(directory, '.incoming', 'notes.txt');
    await writeFile(path, 'of somebody');
    await utimes(path, 1, 1);
    await new FileObjectStore({ directory }).put('second', Buffer.from('2'));
    expect(await readdir(join(directory, '.incoming'))).toEqual(['notes.txt']);
  });

  it.each([undefined, {}, { directory: '' }, { directory: 'a\0b' }, { directory: '/tmp', other: 1 }])(
    'refuses the options %j',
    (options) => {
      expect(() => new FileObjectStore(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    },
  );
});
