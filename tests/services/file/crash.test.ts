import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TemporaryStore } from './temporary-store.js';

const backup = { id: 'backup-1', volumeId: 'volume-1' };

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
});
afterEach(async () => store[Symbol.asyncDispose]());

/** Begins a backup in another process, and gives a function that kills it in the middle. */
async function beginElsewhere(how: 'file' | 'stream'): Promise<() => Promise<void>> {
  const { path } = await store.file(randomBytes(5 * 1024 * 1024));
  const child = spawn(
    process.execPath,
    ['--import', './scripts/ts-node.mjs', 'tests/services/file/crash-child.ts', store.directory, backup.id, how, path],
    { cwd: resolve('.'), stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const [said] = (await Promise.race([once(child.stdout, 'data'), exited])) as unknown[];
  expect(String(said)).toBe('standing still\n');
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

describe.each(['file', 'stream'] as const)('a process that is killed while it stores a %s', (how) => {
  it('changes nothing that can be seen, and the next backup clears up after it', async () => {
    const kept = await store.fill(backup);
    const before = await store.names();
    const kill = await beginElsewhere(how);
    expect(await store.names()).toHaveLength(3);

    // It is alive: another backup leaves its file alone.
    const other = { id: 'backup-2', volumeId: 'volume-1' };
    await store.fill(other);
    await store.service.delete(other);
    expect(await store.names()).toHaveLength(3);

    await kill();
    expect(await store.names()).toHaveLength(3);
    expect(await store.restored(backup)).toEqual(kept);

    await store.fill(other);
    await store.service.delete(other);
    expect(await store.names()).toEqual(before);
    expect(await store.restored(backup)).toEqual(kept);
  });
});

it('a process that is killed leaves no backup where there was none', async () => {
  const kill = await beginElsewhere('stream');
  await kill();
  await expect(store.restored(backup)).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  await expect(store.service.openRestore(backup)).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  // A delete of the backup that never was clears up after it, too.
  await store.service.delete(backup);
  expect(await store.names()).toEqual([]);
});

it('a rename whose answer was lost was one', async () => {
  await store.fill(backup);
  const bytes = randomBytes(1000);
  const file = await store.file(bytes);
  // A file server that carries the rename out and then says that there is no such file: somebody else was faster here.
  let faster = 0;
  for (let tries = 0; tries < 50 && faster === 0; tries++) {
    const over = new AbortController();
    const storing = store.service.backup(backup, file).finally(() => {
      over.abort();
    });
    while (!over.signal.aborted && faster === 0) {
      const [temporary] = readdirSync(store.directory).filter((name) => name.endsWith('.json.tmp'));
      try {
        // Whole, since it was synced before its directory.
        if (temporary !== undefined && readFileSync(store.path(temporary), 'utf8').endsWith('}\n')) {
          renameSync(store.path(temporary), store.path('backup-1.json'));
          faster += 1;
        }
      } catch {
        // It has its name already.
      }
      await setImmediate();
    }
    await storing;
    expect(await store.restored(backup)).toEqual(bytes);
  }
  expect(faster).toBe(1);
});

describe('data that another machine removes before its record is there', () => {
  /** Looked at for the last time right before the record is renamed: then another machine sweeps, whose clock is a day ahead. */
  function sweptMeanwhile(kept: readonly string[]): AbortSignal {
    const { signal } = new AbortController();
    return Object.defineProperty(signal, 'aborted', {
      get: () => {
        const names = readdirSync(store.directory);
        if (!names.some((name) => name.endsWith('.json.tmp'))) return false;
        for (const name of names) if (name.endsWith('.vmdk') && !kept.includes(name)) rmSync(store.path(name));
        return false;
      },
    });
  }

  it.each([false, true])('fails the backup, and what was there stays (%s)', async (isRepeat) => {
    await mkdir(store.directory, { mode: 0o700 });
    const before = isRepeat ? await store.fill(backup) : undefined;
    const names = await store.names();
    const file = await store.file(randomBytes(1000));
    const storing = store.service.backup(backup, file, { signal: sweptMeanwhile(names) });
    await expect(storing).rejects.toMatchObject({ code: 'BACKUP_SERVICE_FAILED', retryable: true });
    expect(await store.names()).toEqual(names);
    if (before === undefined) await expect(store.restored(backup)).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    else expect(await store.restored(backup)).toEqual(before);
  });
});

describe('what a dead process left', () => {
  /** An attempt of this process that is not under way, as one of an earlier process of the same number. */
  const dead = async () => {
    await store.fill(backup);
    const name = /^backup-1\.(.*)\.vmdk$/.exec((await store.names())[0] ?? '')?.[1] ?? '';
    return name.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
  };
  /** One of a process that another machine counts. */
  const elsewhere = async () =>
    (await dead()).replace(
      /^(\d+-\d+)-[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]+-/,
      '$1-0123456789abcdef-01234567-0123456789ab-',
    );

  it('is removed at whatever step it died, and the backup stays', async () => {
    const attempt = await dead();
    const before = await store.names();
    for (const suffix of ['vmdk.tmp', 'vmdk', 'json.tmp']) {
      await writeFile(store.path(`backup-1.${attempt}.${suffix}`), 'half');
      await writeFile(store.path(`backup-3.${attempt}.${suffix}`), 'half');
    }
    const bytes = await store.fill({ id: 'backup-2', volumeId: 'v' });
    expect((await store.names()).filter((name) => !name.startsWith('backup-2'))).toEqual(before);
    expect(await store.restored({ id: 'backup-2', volumeId: 'v' })).toEqual(bytes);
    await expect(store.restored({ id: 'backup-3', volumeId: 'v' })).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
  });

  it('is kept for a day where its host is another', async () => {
    const leftover = store.path(`backup-1.${await elsewhere()}.vmdk.tmp`);
    await writeFile(leftover, 'half');
    await store.fill(backup);
    expect(await store.names()).toHaveLength(3);
    const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(leftover, longAgo, longAgo);
    await store.fill(backup);
    expect(await store.names()).toHaveLength(2);
  });

  it('is kept where only the clock of this machine says that it is old', async () => {
    const leftover = store.path(`backup-1.${await elsewhere()}.vmdk.tmp`);
    await writeFile(leftover, 'half');
    const { now } = Date;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 25 * 60 * 60 * 1000);
    try {
      await store.fill(backup);
    } finally {
      clock.mockRestore();
    }
    expect(await store.names()).toHaveLength(3);
  });

  it('is kept where a record that cannot be read may name it', async () => {
    const attempt = await dead();
    await rename(await store.dataPath(), store.path(`backup-1.${attempt}.vmdk`));
    await writeFile(store.path(`backup-1.${attempt.replace(/.$/, 'e')}.vmdk`), 'other');
    await writeFile(store.path('backup-1.json'), JSON.stringify({ formatVersion: 2 }));
    const before = await store.names();
    const other = { id: 'backup-2', volumeId: 'v' };
    await store.fill(other);
    await store.service.delete(other);
    expect(await store.names()).toEqual(before);
  });
});
