import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RbdBackupService } from '../../../src/services/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { backupServiceChecks } from '../../../src/testing/index.js';
import { until } from '../../support/until.js';
import { describeChecks } from '../../testing/describe-checks.js';
import { describeHashedBytes } from '../hashed-elsewhere.js';

const program = resolve('tests/services/rbd/rbd-double.mjs');
const backup = { id: 'backup-1', volumeId: 'volume-1' };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rbd-double-'));
  process.env['RBD_DOUBLE'] = directory;
});

afterEach(async () => {
  delete process.env['RBD_FAULT'];
  await rm(directory, { recursive: true, force: true });
});

const service = (options: object = {}) => new RbdBackupService({ pool: 'backups', program, ...options });
const images = async () => (await readdir(directory)).filter((name) => name.endsWith('.image'));
const fault = (name: string) => {
  process.env['RBD_FAULT'] = name;
};

async function store(bytes: Buffer): Promise<void> {
  const writer = await service().openBackup(backup);
  try {
    await writer.write(bytes);
    await writer.commit(manifestOf(backup, bytes));
  } finally {
    await writer.abort();
  }
}

const restored = async () => buffer((await service().openRestore(backup)).stream);

describeChecks(
  'RbdBackupService',
  backupServiceChecks(() => service()),
);

describeHashedBytes(
  () => service(),
  () => directory,
);

it('names pool, user and keyring as arguments, and never a key', async () => {
  await service({ namespace: 'space', conf: '/etc/ceph/other.conf', id: 'backup', keyring: '/etc/ceph/key' })
    .readManifest(backup)
    .catch(() => undefined);
  expect(await readFile(join(directory, 'calls'), 'utf8')).toBe(
    '--conf /etc/ceph/other.conf --id backup --keyring /etc/ceph/key ls --format json backups/space\n',
  );
});

it.each([
  ['short', { reason: 'integrity' }],
  ['image-meta:28', { reason: 'quota' }],
  ['rename:1', { reason: 'denied' }],
])('keeps what it had, and nothing else, where the fault is %s', async (name, error) => {
  const kept = randomBytes(5000);
  await store(kept);
  fault(name);
  await expect(store(randomBytes(3000))).rejects.toMatchObject({ code: 'STORE_FAILED', ...error });
  delete process.env['RBD_FAULT'];
  expect(await images()).toHaveLength(1);
  expect(await restored()).toEqual(kept);
});

it('gives up an import that takes nothing', async () => {
  fault('stuck');
  const writer = await service({ stallTimeoutMs: 300 }).openBackup(backup);
  await expect(writer.write(randomBytes(8 * 1024 * 1024))).rejects.toMatchObject({ reason: 'stalled' });
  await writer.abort();
});

it('gives up an import behind a wrapper that what it started outlives', async () => {
  const wrapper = join(directory, 'wrapper');
  const text = `#!/bin/sh
    case "$*" in *import*) sleep 300 & echo $! > "$0.pid"; wait ;; *) exec ${program} "$@" ;; esac
  `;
  await writeFile(wrapper, text, { mode: 0o755 });
  const writer = await service({ program: wrapper, stallTimeoutMs: 300 }).openBackup(backup);
  const pid = async () => Number(await readFile(`${wrapper}.pid`, 'utf8').catch(() => ''));
  await until(async () => (await pid()) !== 0);
  try {
    const bytes = randomBytes(8 * 1024 * 1024);
    await expect(writer.write(bytes)).rejects.toMatchObject({ reason: 'stalled' });
    await expect(writer.commit(manifestOf(backup, bytes))).rejects.toMatchObject({ reason: 'stalled' });
    await writer.abort();
  } finally {
    process.kill(await pid());
  }
});

it('takes an export that just ends for what it is', async () => {
  await store(randomBytes(5000));
  fault('export-cut');
  await expect(restored()).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
});

it('does not take an image that is there for one that is gone', async () => {
  await store(randomBytes(5000));
  fault('full');
  await expect(service().delete(backup)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'quota' });
  expect(await images()).toHaveLength(1);
  fault('stays');
  expect(await service().sweep()).toBe(0);
  delete process.env['RBD_FAULT'];
  expect(await service().sweep()).toBe(1);
});

it('says what is missing', async () => {
  await expect(service({ program: '/nowhere/rbd' }).readManifest(backup)).rejects.toThrow('is not installed');
});

it('gives the newest of what a process left that died before it removed the older one, and removes that a day later', async () => {
  await store(randomBytes(1000));
  const newer = randomBytes(2000);
  await store(newer);
  expect(await images()).toHaveLength(2);
  expect(await restored()).toEqual(newer);
  expect(await service().sweep()).toBe(0);
  const record = (await readdir(directory)).find((name) => /\.00000002\..*\.record$/.test(name))!;
  const text = await readFile(join(directory, record), 'utf8');
  await writeFile(join(directory, record), text.replace(/"storedAt":"[^"]*"/, '"storedAt":"2026-01-01T00:00:00.000Z"'));
  // While the newer one is not whole, the older may be the only copy.
  const image = join(directory, record.replace(/\.vmdk-driver\.record$/, ''));
  await truncate(image, 1999);
  expect(await service().sweep()).toBe(0);
  await writeFile(image, newer);
  expect(await service().sweep()).toBe(1);
  expect(await restored()).toEqual(newer);
});

it('removes what dead attempts left, and nothing that may be alive', async () => {
  const own = (
    await (async () => {
      await store(randomBytes(10));
      return (await images())[0]!;
    })()
  ).split('.')[3]!;
  const dead = own.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
  const elsewhere = dead.replace(
    /^(\d+-\d+)-[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]+-/,
    '$1-0123456789abcdef-01234567-0123456789ab-',
  );
  for (const attempt of [dead, elsewhere])
    await writeFile(join(directory, `vmdk-driver.backup-2.${attempt}.tmp.image`), '');
  await writeFile(join(directory, 'somebody-else.tmp.image'), '');
  expect(await service().sweep()).toBe(1);
  expect(await images()).toHaveLength(3);
  const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000);
  const path = join(directory, `vmdk-driver.backup-2.${elsewhere}.tmp.image`);
  await utimes(path, longAgo, longAgo);
  fault('busy');
  expect(await service().sweep()).toBe(0);
  delete process.env['RBD_FAULT'];
  expect(await service().sweep()).toBe(1);
  expect((await images()).sort()[0]).toBe('somebody-else.tmp.image');
});

it('removes the others where one cannot be removed, and then says so', async () => {
  await store(randomBytes(10));
  const [own = ''] = await images();
  const dead = own.split('.')[3]!.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
  for (const key of ['backup-2', 'backup-3'])
    await writeFile(join(directory, `vmdk-driver.${key}.${dead}.tmp.image`), '');
  fault('snapshots:backup-2');
  await expect(service().sweep()).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'failed' });
  expect((await images()).sort()).toEqual([own, `vmdk-driver.backup-2.${dead}.tmp.image`]);
});

it.each([
  ['pool', { pool: 'a/b' }],
  ['pool', { pool: '--conf' }],
  ['id', { id: '' }],
  ['keyring', { keyring: 'a\0b' }],
  ['stallTimeoutMs', { stallTimeoutMs: 2 ** 31 }],
  ['', { other: 1 }],
])('refuses a bad %s', (field, options) => {
  expect(() => service(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: expect.stringContaining(field) as unknown }),
  );
});
