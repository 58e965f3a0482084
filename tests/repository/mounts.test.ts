import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { FileObjectStore } from '../../src/stores/index.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor } from './support/repository-lab.js';

/** A directory that stands for a mount point, and where what is mounted there is meanwhile. */
let parent: string;
let mountPoint: string;
let share: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'repository-mounts-'));
  [mountPoint, share] = [join(parent, 'mount'), join(parent, 'share')];
  await mkdir(mountPoint, { mode: 0o700 });
});
afterEach(() => rm(parent, { recursive: true }));

async function unmount(): Promise<void> {
  await rename(mountPoint, share);
  await mkdir(mountPoint, { mode: 0o700 });
}

async function mount(): Promise<void> {
  await rm(mountPoint, { recursive: true });
  await rename(share, mountPoint);
}

const disk = new ChangingDisk(300, 8).write(...range(0, 20));

async function storeAs(service: RepositoryBackupService, id: string): Promise<void> {
  const bytes = disk.stream();
  const writer = await service.openBackup({ id, volumeId: 'v1' });
  await writer.write(bytes);
  await writer.commit(manifestFor(id, 'v1', bytes));
}

async function opened(): Promise<RepositoryBackupService> {
  const service = new RepositoryBackupService({ store: new FileObjectStore({ directory: mountPoint }) });
  await service.initialize();
  await storeAs(service, 'b1');
  return service;
}

const gone = { code: 'STORE_FAILED', reason: 'no-container', message: expect.stringContaining('is mounted') };

test('a backup is not stored into a bare mount point, and leaves nothing but a folder there', async () => {
  const service = await opened();
  await unmount();
  await expect(service.openBackup({ id: 'b2', volumeId: 'v1' })).rejects.toMatchObject(gone);
  expect(await readdir(mountPoint, { recursive: true })).toEqual(['.incoming']);
  await mount();
  await storeAs(service, 'b2');
  const { stream } = await service.openRestore({ id: 'b2', volumeId: 'v1' });
  expect((await buffer(stream)).equals(disk.stream())).toBe(true);
});

test('nor into another repository that is mounted there, before the service has opened that', async () => {
  const service = await opened();
  await unmount();
  const other = new RepositoryBackupService({ store: new FileObjectStore({ directory: mountPoint }) });
  await other.initialize();
  await expect(service.openBackup({ id: 'b2', volumeId: 'v1' })).rejects.toMatchObject(gone);
  expect(await readdir(mountPoint)).not.toContain('writers');
  await storeAs(service, 'b2');
  expect(await other.readManifest({ id: 'b2', volumeId: 'v1' })).toBeDefined();
});

test('nor committed where the file system went while it was running', async () => {
  const service = await opened();
  const bytes = disk.write(5).stream();
  const writer = await service.openBackup({ id: 'b2', volumeId: 'v1' });
  await writer.write(bytes);
  await unmount();
  await expect(writer.commit(manifestFor('b2', 'v1', bytes))).rejects.toMatchObject({ retryable: true });
  await mount();
  expect(await service.readManifest({ id: 'b2', volumeId: 'v1' })).toBeUndefined();
});

test('an empty mount point is not verified as a sound repository', async () => {
  const service = await opened();
  await unmount();
  await expect(service.verify()).rejects.toMatchObject(gone);
  await mount();
  expect(await service.verify()).toMatchObject({ backups: 1, damage: [] });
});

test('nor is what is left of one whose file system goes while it is verified, or collected', async () => {
  const store = new FileObjectStore({ directory: mountPoint });
  const list = store.list.bind(store);
  let goesAt: string | undefined;
  store.list = async function* (prefix, options) {
    if (prefix === goesAt) {
      goesAt = undefined;
      await unmount();
    }
    yield* list(prefix, options);
  };
  await opened();
  const service = new RepositoryBackupService({ store });
  goesAt = 'data/';
  await expect(service.verify()).rejects.toMatchObject(gone);
  await mount();
  goesAt = 'volumes/';
  await expect(service.collectGarbage()).rejects.toMatchObject(gone);
  await mount();
  expect(await service.verify({ level: 'full' })).toMatchObject({ backups: 1, damage: [] });
});
