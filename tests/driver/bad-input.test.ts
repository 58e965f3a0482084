import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Backup, type BackupManifest, VmdkDriver, type VmdkDriverConfig, type Volume } from '../../src/index.js';
import { buildVmdk } from '../vmdk/support/build-vmdk.js';
import { bytesPerGiB, Lab, refusal } from './support/lab.js';
import { filesOnly, serviceOf } from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id, size: 1 };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

const other = randomUUID();

describe('a backup or volume the driver cannot work with is refused by field', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['backup.snapshotId', { snapshotId: 'a-snapshot' }, {}],
    ['backup.parentId', { parentId: 'another-backup' }, {}],
    ['backup.id', { id: '' }, {}],
    ['backup.id', { id: 7 }, {}],
    ['backup.volumeId', { volumeId: undefined }, {}],
    ['backup.size', { size: 0.5 }, {}],
    ['volume.id', {}, { id: '' }],
    ['backup.id', { id: 'a\u0000b' }, {}],
    ['volume.name', {}, { name: 'n'.repeat(81) }],
    // Kept as 83 characters.
    ['volume.name', {}, { name: `${'n'.repeat(77)}%` + 'nn' }],
    ['volume.name', {}, { name: '.' }],
    ['volume.name', {}, { name: '..' }],
    ['volume.name', {}, { name: 'line\nfeed' }],
    ['volume.name', {}, { name: 'half a \ud800 pair' }],
    ['volume.name', {}, { name: ' blank' }],
    ['volume.projectId', {}, { projectId: 'p'.repeat(71) }],
    ['volume.projectId', {}, { projectId: 'p\u0001' }],
    ['volume.id', {}, { id: 'v\u0000' }],
    ['volume.size', {}, { size: 0 }],
    ['volume.size', {}, { size: -1 }],
    ['volume.size', {}, { size: 1.5 }],
    ['volume.size', {}, { size: '1' }],
    ['volume.size', {}, { size: NaN }],
    ['volume.size', {}, { size: 2 ** 40 }],
    ['volume.size', {}, { size: undefined }],
    [
      'volume.volumeType.extraSpecs.vmware:vmdk_type',
      {},
      { volumeType: { extraSpecs: { 'vmware:vmdk_type': 'fat' } } },
    ],
    [
      'volume.volumeType.extraSpecs.vmware:adapter_type',
      {},
      { volumeType: { extraSpecs: { 'vmware:adapter_type': 'nvme' } } },
    ],
    ['volume.volumeType.extraSpecs', {}, { volumeType: { extraSpecs: 'thin' } }],
  ])('%s: %j %j', async (field, backupChanges, volumeChanges) => {
    const calls = lab.simulator.calls().length;
    const badBackup = { ...backup, ...backupChanges };
    const badVolume = { ...volume, ...volumeChanges };
    for (const operate of [
      () => lab.driver.backupVolume(badBackup, badVolume),
      () => lab.driver.restoreBackup(badBackup, badVolume),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'INVALID_INPUT', field, retryable: false });
    }
    expect(lab.simulator.calls()).toHaveLength(calls);
  });

  test('a backup of another volume is not taken', async () => {
    const error = await lab.refusedUnchanged(() => lab.driver.backupVolume({ ...backup, volumeId: other }, volume));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', field: 'backup.volumeId' });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['another backup', { backupId: 'other' }, 'manifest.backupId'],
    ['another volume', { volumeId: other }, 'manifest.volumeId'],
  ])('a manifest of %s is not taken for this one', async (_what, changes, field) => {
    const wrong = { ...manifest, ...changes };
    for (const operate of [
      () => lab.driver.restoreBackup(backup, volume, { manifest: wrong }),
      () => lab.driver.verifyBackup(backup, { manifest: wrong }),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'INVALID_INPUT', field });
    }
  });

  test('neither are arguments that are no objects', async () => {
    const nothing = undefined as unknown as Backup & Volume;
    expect(await refusal(() => lab.driver.backupVolume(nothing, volume))).toMatchObject({ field: 'backup' });
    expect(await refusal(() => lab.driver.backupVolume(backup, nothing))).toMatchObject({ field: 'volume' });
    expect(await refusal(() => lab.driver.verifyBackup(nothing))).toMatchObject({ field: 'backup' });
    for (const size of [0, '2', NaN, undefined, 2 ** 40]) {
      expect(await refusal(() => lab.driver.extendVolume(volume, size as number))).toMatchObject({ field: 'newSize' });
    }
    expect(await refusal(() => lab.driver.recover({ olderThanMs: -1 }))).toMatchObject({ field: 'olderThanMs' });
  });
});

test.each([
  ['v'.repeat(74), 'has 81 characters where vCenter allows 80'],
  ['v'.repeat(255), 'has 262 characters'],
  ['%'.repeat(30), 'has 97 characters'],
])('a default name that vCenter would refuse is refused before anything is made: volume-%s', async (id, reason) => {
  const calls = lab.simulator.calls().length;
  const long = { id, size: 1 };
  for (const operate of [
    () => lab.driver.createBacking(long),
    () => lab.driver.backupVolume({ id: 'b', volumeId: id }, long),
    () => lab.driver.restoreBackup(backup, long),
  ]) {
    const error = await refusal(operate);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', field: 'volume.name' });
    expect(error.message).toContain(reason);
  }
  expect(lab.simulator.calls()).toHaveLength(calls);
  // With a name of its own it is a volume as any other.
  const named = { ...long, name: `named-${randomUUID()}` };
  await lab.driver.createBacking(named);
  expect(await lab.driver.deleteBacking(named)).toBe(true);
});

describe('what is not known of the options is refused by name', () => {
  const notASignal = { aborted: false, addEventListener() {}, removeEventListener() {} } as unknown as AbortSignal;
  test.each<[string, string, object]>([
    ['misspelt', 'options.onprogress', { onprogress: () => {} }],
    ['of another operation', 'options.id', { id: 'x' }],
    ['signal: no signal', 'options.signal', { signal: notASignal }],
    ['signal: a controller', 'options.signal', { signal: new AbortController() }],
    ['signal: null', 'options.signal', { signal: null }],
    ['onProgress: no function', 'options.onProgress', { onProgress: {} }],
    ['none', 'options', null as unknown as object],
    ['a function', 'options', () => {}],
    ['throwing', 'options', { get signal() { throw new Error('no'); } }], // prettier-ignore
  ])('%s: %s', async (_what, field, options) => {
    const calls = lab.simulator.calls().length;
    for (const operate of [
      () => lab.driver.backupVolume({ id: 'x', volumeId: volume.id }, volume, options),
      () => lab.driver.restoreBackup(backup, volume, options),
      () => lab.driver.verifyBackup(backup, options),
      () => lab.driver.createBacking(volume, options),
      () => lab.driver.extendVolume(volume, 9, options),
      () => lab.driver.deleteBacking(volume, options),
      () => lab.driver.recover(options),
    ]) {
      expect(await refusal(operate)).toMatchObject({ code: 'INVALID_INPUT', field });
    }
    expect(lab.simulator.calls()).toHaveLength(calls);
  });

  test('a manifest is no option of a backup', async () => {
    const options: object = { manifest };
    const error = await refusal(() => lab.driver.backupVolume({ id: 'x', volumeId: volume.id }, volume, options));
    expect(error).toMatchObject({ field: 'options.manifest', message: 'options.manifest: is not known' });
  });
});

describe('a bad configuration is refused by field, when the driver is made', () => {
  test.each<[string, Record<string, unknown>]>([
    ['tmpDir', { tmpDir: '' }],
    ['transfer', { transfer: 'pigeon' }],
    ['stallTimeoutMs', { stallTimeoutMs: 0 }],
    ['stallTimeoutMs', { stallTimeoutMs: 2 ** 31 }],
    ['transfersPerHost', { transfersPerHost: 1.5 }],
    ['volumeFolder', { volumeFolder: '' }],
    ['clusters', { clusters: [] }],
    ['clusters.0', { clusters: [''] }],
    ['datastoreRegex', { datastoreRegex: '(' }],
    ['adapterType', { adapterType: 'nvme' }],
    ['hardwareVersion', { hardwareVersion: '8' }],
  ])('config.%s: %j', async (field, config) => {
    expect(await refusal(async () => lab.driverWith({ config: config }))).toMatchObject({
      code: 'INVALID_INPUT',
      field: `config.${field}`,
    });
  });

  test('an option that does not exist is none: a misspelt one would do nothing in silence', async () => {
    const error = await refusal(async () => lab.driverWith({ config: { tmpdir: '/tmp' } as VmdkDriverConfig }));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', field: 'config.tmpdir' });
  });

  const methods = { backup: async () => {}, restore: async () => {} };
  test.each<[string, object]>([
    ['vim', { vim: undefined }],
    ['vim', { vim: 'https://vcenter' }],
    ['vim.download', { vim: { invoke() {}, upload() {} } }],
    ['vim.upload', { vim: { invoke() {}, download() {}, upload: true } }],
    ['backupService', { backupService: undefined }],
    ['backupService.backup', { backupService: { restore: methods.restore } }],
    ['backupService.restore', { backupService: { backup: methods.backup } }],
    ['backupService.openBackup', { backupService: { ...methods, openBackup: true } }],
    ['backupService.delete', { backupService: { ...methods, delete: null } }],
    ['logger', { logger: 'console' }],
    ['logger', { logger: { info: 'yes' } }],
    ['loger', { loger: console }],
  ])('what it is made of is checked when it is made: %s', async (field, changes) => {
    const make = async () => new VmdkDriver({ vim: lab.vim, backupService: lab.service, ...changes });
    expect(await refusal(make)).toMatchObject({ code: 'INVALID_INPUT', field: `options.${field}` });
  });

  test('of nothing none is made', async () => {
    const make = async () => new VmdkDriver(undefined as never);
    expect(await refusal(make)).toMatchObject({ code: 'INVALID_INPUT', field: 'options' });
  });

  test("transfer 'stream' with a service that takes no streams is refused before a backing is created", async () => {
    const driver = lab.driverWith({ config: { transfer: 'stream' }, service: filesOnly(lab.service) });
    const unborn = { id: randomUUID(), size: 1 };
    const error = await lab.refusedUnchanged(() => driver.backupVolume({ id: 'b', volumeId: unborn.id }, unborn));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', field: 'config.transfer' });
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest }))).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'config.transfer',
    });
  });

  test("transfer 'stream' needs a manifest for a restore: without one the stream cannot be told from another", async () => {
    const driver = lab.driverWith({ config: { transfer: 'stream' }, service: serviceOf(Buffer.alloc(0)) });
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'manifest',
    });
  });
});

describe('a backup that cannot be restored leaves everything as it was', () => {
  test('it is missing', async () => {
    const missing = { id: 'missing', volumeId: volume.id };
    const file = lab.driverWith({ config: { transfer: 'file' } });
    for (const operate of [
      () => lab.driver.restoreBackup(missing, volume),
      () => file.restoreBackup(missing, volume),
      () => lab.driver.restoreBackup(missing, { id: randomUUID(), size: 1 }),
      () => lab.driver.restoreBackup(missing, volume, { manifest: { ...manifest, backupId: 'missing' } }),
      () => lab.driver.verifyBackup(missing),
      () => file.verifyBackup(missing),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKUP_NOT_FOUND', retryable: false });
    }
  });

  const monolithicSparse = Buffer.alloc(65_536 * 2);
  buildVmdk({ layout: 'esxi', capacity: 2048, grains: new Map() }).bytes.copy(monolithicSparse, 0, 0, 512);
  monolithicSparse.writeUInt32LE(1, 4); // version
  monolithicSparse.writeUInt32LE(3, 8); // flags: neither compressed nor with markers
  monolithicSparse.writeUInt16LE(0, 77); // no compression
  monolithicSparse.writeBigUInt64LE(30n, 56);
  const descriptor = '# Disk DescriptorFile\nversion=1\ncreateType="vmfs"\n\nRW 2048 VMFS "disk-flat.vmdk"\n';

  test.each<[string, Buffer, string]>([
    ['garbage', Buffer.from('no disk at all '.repeat(10_000)), 'not-vmdk'],
    ['an HTTP error page', Buffer.from('<html><body>503 Service Unavailable</body></html>'), 'not-vmdk'],
    ['nothing', Buffer.alloc(0), 'truncated'],
    ['a monolithic VMDK', monolithicSparse, 'not-stream-optimized'],
    ["a VMDK's descriptor alone", Buffer.from(descriptor), 'not-stream-optimized'],
    ['a raw disk', Buffer.alloc(1_048_576, 'raw'), 'not-vmdk'],
  ])('it is %s', async (_what, bytes, reason) => {
    const calls = lab.callsOf('ImportVApp');
    const driver = lab.driverWith({ service: serviceOf(bytes) });
    for (const operate of [
      () => driver.restoreBackup(backup, volume),
      () => driver.restoreBackup(backup, { id: randomUUID(), size: 1 }),
      () => driver.verifyBackup(backup),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'INVALID_VMDK', reason });
    }
    expect(lab.callsOf('ImportVApp')).toBe(calls);
  });

  test.each<[string, unknown]>([
    ['of a later version', { formatVersion: 2 }],
    ['of another disk format', { diskFormat: 'raw' }],
    ['without a checksum', { sha256: undefined }],
    ['with a checksum that is none', { sha256: 'A'.repeat(64) }],
  ])('its manifest is %s', async (_what, changes) => {
    const wrong = { ...manifest, ...(changes as object) } as BackupManifest;
    for (const operate of [
      () => lab.driver.restoreBackup(backup, volume, { manifest: wrong }),
      () => lab.driver.verifyBackup(backup, { manifest: wrong }),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'UNSUPPORTED_BACKUP' });
    }
  });

  test('its manifest cannot be read', async () => {
    const wrong = { ...manifest, get sha256(): string { throw new Error('no'); } }; // prettier-ignore
    const driver = lab.driverWith({ service: filesOnly(lab.service, { readManifest: async () => wrong }) });
    for (const operate of [
      () => lab.driver.restoreBackup(backup, volume, { manifest: wrong }),
      () => driver.restoreBackup(backup, volume),
      () => driver.verifyBackup(backup),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'UNSUPPORTED_BACKUP' });
    }
  });

  test.each<[string, Partial<BackupManifest>]>([
    ['length', { streamBytes: 70_000 }],
    ['SHA-256', { sha256: 'ab'.repeat(32) }],
    ['capacity', { capacityBytes: bytesPerGiB / 2 }],
  ])('its manifest is of another stream: %s', async (_what, changes) => {
    const wrong = { ...manifest, ...changes };
    for (const transfer of ['file', 'stream'] as const) {
      const driver = lab.driverWith({ config: { transfer } });
      expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest: wrong }))).toMatchObject(
        {
          code: 'BACKUP_CORRUPT',
        },
      );
    }
    expect(await lab.refusedUnchanged(() => lab.driver.verifyBackup(backup, { manifest: wrong }))).toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
  });
});
