import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TsmBackupService } from '../../../src/services/index.js';
import { dataOf, descriptionOf, parseArchiveName, recordOf } from '../../../src/services/tsm/archive-names.js';
import { newAttemptName } from '../../../src/stores/file/attempt-name.js';
import { noteHashedFile } from '../../../src/stream/hashed-bytes.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { digest } from '../../../src/testing/digest.js';
import { backupServiceChecks } from '../../../src/testing/index.js';
import { describeChecks } from '../../testing/describe-checks.js';

const program = resolve('tests/services/tsm/dsmc-double.mjs');
const backup = { id: 'backup-1', volumeId: 'volume-1' };
let directory: string;
let server: string;
let staging: string;
let usual: TsmBackupService;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dsmc-double-'));
  server = await mkdtemp(join(directory, 'server-'));
  staging = join(directory, 'staging');
  process.env['DSMC_DOUBLE'] = server;
  usual = service();
});

afterEach(async () => {
  delete process.env['DSMC_FAULT'];
  await rm(directory, { recursive: true, force: true });
});

const service = (options: object = {}) => new TsmBackupService({ directory: staging, program, ...options });
const fault = (name: string) => {
  process.env['DSMC_FAULT'] = name;
};
const wellAgain = () => {
  delete process.env['DSMC_FAULT'];
};

async function store(bytes: Buffer, by = usual): Promise<void> {
  const path = join(directory, 'volume.vmdk');
  await writeFile(path, bytes);
  await by.backup(backup, { path }, { manifest: manifestOf(backup, bytes) });
}

async function restored(): Promise<Buffer> {
  const path = join(directory, 'restored.vmdk');
  await writeFile(path, '');
  await usual.restore(backup, backup.volumeId, { path });
  return readFile(path);
}

interface Copy {
  readonly id: string;
  readonly file: string;
  readonly description: string;
  readonly archivedAt: string;
}

/** What the server has, the oldest first. */
async function copies(): Promise<Copy[]> {
  const names = (await readdir(server)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(server, name), 'utf8')) as Copy));
}

async function changeCopy(copy: Copy, changes: Partial<Copy>): Promise<void> {
  await writeFile(join(server, `${copy.id}.json`), JSON.stringify({ ...copy, ...changes }));
}

const isRecord = ({ file }: Copy) => file.endsWith('.json');
const left = async () => readdir(staging).catch(() => []);

describeChecks(
  'TsmBackupService',
  backupServiceChecks(() => usual),
  ['takes a stream', 'takes chunks', 'has done with', 'shows nothing of a stream', 'leaves nothing of a stream'].concat(
    ['takes nothing after', 'gives a stream', 'has no stream', 'ends a stream'],
  ),
);

it('archives stream and record by a description, and leaves nothing in its directory', async () => {
  await store(randomBytes(1000));
  const [data, record] = await copies();
  const { key, attempt } = parseArchiveName(data!.file.slice(staging.length + 1))!;
  const description = descriptionOf(key, attempt);
  expect(data).toMatchObject({ file: join(staging, dataOf({ key, attempt }).name), description });
  expect(record).toMatchObject({ file: join(staging, recordOf(key, 1, attempt).name), description });
  expect(await left()).toEqual([]);
});

it('never gives a password, and names stanza and options file', async () => {
  await store(randomBytes(10), service({ server: 'backups', optionFile: '/etc/dsm.opt' }));
  await restored();
  const calls = (await readFile(join(server, 'calls'), 'utf8')).trim().split('\n');
  expect(calls.some((call) => /pass/i.test(call))).toBe(false);
  expect(calls.find((call) => call.startsWith('archive'))).toMatch(/ -optfile=\/etc\/dsm.opt -se=backups$/);
});

it('does not depend on the language of whoever runs it', async () => {
  const language = process.env['LC_ALL'];
  process.env['LC_ALL'] = 'de_DE.UTF-8';
  try {
    const bytes = randomBytes(12 * 1024 * 1024 + 1);
    await store(bytes);
    expect(digest(await restored())).toBe(digest(bytes));
  } finally {
    if (language === undefined) delete process.env['LC_ALL'];
    else process.env['LC_ALL'] = language;
  }
});

describe('archiving', () => {
  it.each([
    ['noserver@archive:vmdk', { reason: 'connection', retryable: true }],
    ['credentials@archive:vmdk', { reason: 'credentials' }],
    ['full@archive:vmdk', { reason: 'quota', message: expect.stringContaining('ANS1311E') }],
    ['skip@archive:vmdk', { reason: 'failed', message: expect.stringContaining('ended with 4: ANS4005E') }],
    ['nothing@archive:vmdk', { reason: 'integrity' }],
    ['half@archive:vmdk', { reason: 'integrity' }],
    ['description@archive:vmdk', { reason: 'integrity' }],
    ['killed@archive:vmdk', { reason: 'failed', message: expect.stringContaining('SIGKILL') }],
    ['late@archive:vmdk', { reason: 'failed' }],
    ['full@archive:json', { reason: 'quota' }],
    ['half@archive:json', { reason: 'integrity' }],
    ['description@archive:json', { reason: 'integrity' }],
    ['late@archive:json', { reason: 'failed' }],
  ])('keeps what it had, and nothing else, where the fault is %s', async (name, error) => {
    const kept = randomBytes(5000);
    await store(kept);
    fault(name);
    await expect(store(randomBytes(3000))).rejects.toMatchObject({ code: 'STORE_FAILED', ...error });
    wellAgain();
    expect(await copies()).toHaveLength(2);
    expect(await left()).toEqual([]);
    expect(await restored()).toEqual(kept);
  });

  it('takes warnings for what they are', async () => {
    const bytes = randomBytes(5000);
    fault('warn@archive');
    await store(bytes);
    wellAgain();
    expect(await restored()).toEqual(bytes);
  });
});

it.each([
  ['noserver@query', { code: 'STORE_FAILED', reason: 'connection' }],
  ['nothing@query', { code: 'STORE_FAILED', reason: 'protocol' }],
  ['garbled@query', { code: 'STORE_FAILED', reason: 'protocol' }],
  ['skip@retrieve:vmdk', { code: 'STORE_FAILED' }],
])('does not take %s for a backup that is not there', async (name, error) => {
  await store(randomBytes(5000));
  fault(name);
  await expect(restored()).rejects.toMatchObject(error);
  if (name.endsWith('query')) await expect(usual.readManifest(backup)).rejects.toMatchObject(error);
  wellAgain();
  expect(await restored()).toHaveLength(5000);
});

it('acts on no list that may not be whole', async () => {
  const bytes = randomBytes(5000);
  await store(bytes);
  // Its record comes last, so that a list without it shows a stream that no record names.
  for (const copy of await copies()) await changeCopy(copy, { archivedAt: '2026-01-01T00:00:00.000Z' });
  for (const name of ['partial@query', 'warn@query']) {
    fault(name);
    const refusal = { code: 'STORE_FAILED', reason: 'protocol' };
    await expect(usual.sweep()).rejects.toMatchObject(refusal);
    await expect(store(randomBytes(3000))).rejects.toMatchObject(refusal);
    await expect(usual.delete(backup)).rejects.toMatchObject(refusal);
    wellAgain();
  }
  expect(await copies()).toHaveLength(2);
  expect(await restored()).toEqual(bytes);
});

it('lists a backup whose record did not come with the others', async () => {
  await store(randomBytes(10));
  fault('partial@retrieve:*.json');
  const listed = [];
  for await (const found of usual.list()) listed.push(found);
  expect(listed).toMatchObject([{ id: backup.id, streamBytes: 10 }]);
});

it('finds out that it was given half of the file, though the program ended well, and leaves the target empty', async () => {
  await store(randomBytes(5000));
  fault('half@retrieve:vmdk');
  await expect(restored()).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
  expect(await readFile(join(directory, 'restored.vmdk'))).toHaveLength(0);
});

it('finds out that the bytes are others, where nobody else does', async () => {
  const bytes = randomBytes(5000);
  await store(bytes);
  const [data] = await copies();
  await writeFile(join(server, `${data!.id}.data`), randomBytes(5000));
  await expect(restored()).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
  await truncate(join(server, `${data!.id}.data`), 4999);
  await expect(restored()).rejects.toThrow('5000 bytes were stored, and 4999 are there');
});

it('gives up a program that says and moves nothing, and leaves nothing', async () => {
  fault('hang@archive');
  await expect(store(randomBytes(100), service({ stallTimeoutMs: 300 }))).rejects.toMatchObject({ reason: 'stalled' });
  wellAgain();
  expect(await copies()).toEqual([]);
});

it('waits for a program that says nothing for long and moves bytes', async () => {
  fault('slow@archive:vmdk');
  const bytes = randomBytes(100);
  await store(bytes, service({ stallTimeoutMs: 3000 }));
  wellAgain();
  expect(await restored()).toEqual(bytes);
});

it('ends the program, and leaves nothing, when it is aborted', async () => {
  fault('hang@archive');
  const path = join(directory, 'volume.vmdk');
  await writeFile(path, randomBytes(100));
  const controller = new AbortController();
  const storing = usual.backup(backup, { path }, { signal: controller.signal });
  setTimeout(() => {
    controller.abort();
  }, 300);
  await expect(storing).rejects.toMatchObject({ name: 'AbortError' });
  wellAgain();
  expect(await copies()).toEqual([]);
  expect(await left()).toEqual([]);
});

it('neither reads nor copies a file that the driver hashed', async () => {
  const path = join(directory, 'volume.vmdk');
  const bytes = randomBytes(3_000_000);
  await writeFile(path, bytes);
  using _noted = await noteHashedFile(path, { streamBytes: bytes.length, sha256: 'f'.repeat(64) });
  await usual.backup(backup, { path });
  const [, record] = await copies();
  expect(await readFile(join(server, `${record!.id}.data`), 'utf8')).toContain('f'.repeat(64));
  await expect(restored()).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
});

/** Has the last record tell of a backup that was stored days ago. */
async function storedLongAgo(): Promise<void> {
  const record = (await copies()).filter(isRecord).at(-1)!;
  const data = join(server, `${record.id}.data`);
  const text = await readFile(data, 'utf8');
  await writeFile(data, text.replace(/"storedAt": "[^"]*"/, '"storedAt": "2026-01-01T00:00:00.000Z"'));
}

it('removes a backup that was replaced, a day later', async () => {
  await store(randomBytes(1000));
  const newer = randomBytes(2000);
  await store(newer);
  expect(await copies()).toHaveLength(4);
  expect(await usual.sweep()).toBe(0);
  await storedLongAgo();
  expect(await usual.sweep()).toBe(2);
  expect(await copies()).toHaveLength(2);
  expect(await restored()).toEqual(newer);
});

it('keeps a backup that was replaced while the one that replaced it is not whole', async () => {
  await store(randomBytes(1000));
  await store(randomBytes(2000));
  await storedLongAgo();
  const [oldData, oldRecord, data, record] = await copies();
  await truncate(join(server, `${data!.id}.data`), 1999);
  expect(await usual.sweep()).toBe(0);
  for (const ending of ['json', 'data']) await rm(join(server, `${data!.id}.${ending}`));
  expect(await usual.sweep()).toBe(0);
  expect(await copies()).toEqual([oldData, oldRecord, record]);
});

it('removes what dead attempts left, and nothing that may be alive or is somebody else’s', async () => {
  await store(randomBytes(10));
  const dead = newAttemptName();
  const elsewhere = dead.replace(
    /^(\d+-\d+)-[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]+-/,
    '$1-0123456789abcdef-01234567-0123456789ab-',
  );
  const [data] = await copies();
  const archivedAt = new Date().toISOString();
  const add = async (id: string, file: string) => {
    await changeCopy({ id, file: join(staging, file), description: 'x/y', archivedAt }, {});
    await copyFile(join(server, `${data!.id}.data`), join(server, `${id}.data`));
  };
  await add('1', dataOf({ key: 'backup-2', attempt: dead }).name);
  await add('2', dataOf({ key: 'backup-2', attempt: elsewhere }).name);
  await add('3', 'somebody-else.txt');
  for (const attempt of [dead, elsewhere]) {
    await writeFile(join(staging, dataOf({ key: 'backup-2', attempt }).name), '');
    await writeFile(join(staging, recordOf('backup-2', 1, attempt).name), '');
  }
  expect(await usual.sweep()).toBe(1);
  expect((await copies()).map(({ id }) => id)).toEqual(expect.arrayContaining(['2', '3', data!.id]));
  expect(await left()).toHaveLength(2);
  const [, other] = (await copies())
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => id.length === 1)
    .reverse();
  await changeCopy(other!, { archivedAt: '2026-01-01T00:00:00.000Z' });
  for (const name of await left()) await utimes(join(staging, name), 0, 0);
  expect(await usual.sweep()).toBe(1);
  expect(await copies()).toHaveLength(3);
  expect(await left()).toEqual([]);
});

it('removes the others where one cannot be removed, and then says so', async () => {
  await store(randomBytes(10));
  const [data] = await copies();
  const names = ['backup-2', 'backup-3'].map((key) => dataOf({ key, attempt: newAttemptName() }).name);
  for (const [index, name] of names.entries()) {
    const id = index.toString();
    const archivedAt = '2026-01-01T00:00:00.000Z';
    await changeCopy({ id, file: join(staging, name), description: 'x/y', archivedAt }, {});
    await copyFile(join(server, `${data!.id}.data`), join(server, `${id}.data`));
  }
  fault(`skip@delete:${names[0]!}`);
  await expect(usual.sweep()).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'failed' });
  expect((await copies()).map(({ id }) => id)).not.toContain('1');
  wellAgain();
  expect(await usual.sweep()).toBe(1);
});

it('takes nothing for its own that no attempt of its own has made', async () => {
  await store(randomBytes(10));
  const [data] = await copies();
  const foreign = join(staging, 'disk.flat.vmdk');
  await changeCopy({ id: '1', file: foreign, description: 'x', archivedAt: '2026-01-01T00:00:00.000Z' }, {});
  await copyFile(join(server, `${data!.id}.data`), join(server, '1.data'));
  await writeFile(foreign, 'a disk');
  await mkdir(join(staging, 'x.tmp'));
  for (const name of await left()) await utimes(join(staging, name), 0, 0);
  expect(await usual.sweep()).toBe(0);
  expect(await copies()).toHaveLength(3);
  expect(await left()).toEqual(['disk.flat.vmdk', 'x.tmp']);
});

it('lists what it cannot read', async () => {
  await store(randomBytes(10));
  const record = (await copies()).find(isRecord)!;
  await writeFile(join(server, `${record.id}.data`), '{}');
  const listed = [];
  for await (const found of usual.list({ volumeId: 'other' })) listed.push(found);
  expect(listed).toMatchObject([{ id: backup.id, error: { code: 'BACKUP_CORRUPT' } }]);
});

it('says what is missing', async () => {
  await expect(service({ program: '/nowhere/dsmc' }).readManifest(backup)).rejects.toThrow('is not installed');
});

it.each([
  ['directory', { directory: '' }],
  ['directory', { directory: '/var/*' }],
  ['server', { server: '-password=x' }],
  ['optionFile', { optionFile: 'a\0b' }],
  ['password', { password: 'x' }],
  ['stallTimeoutMs', { stallTimeoutMs: 2 ** 31 }],
])('refuses a bad %s', (field, options) => {
  expect(() => service(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(field) as unknown }),
  );
});
