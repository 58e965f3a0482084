import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { VmdkDriver, type Backup, type BackupManifest, type Volume, type VmdkDriverConfig } from '../../src/index.js';
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
    ['volume.name', {}, { name: 'n'.repeat(81) }],
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
    expect(await refusal(() => lab.driver.recover({ olderThanMs: -1 }))).toMatchObject({ field: 'olderThanMs' });
  });
});

describe('a bad configuration is refused by field, when the driver is made', () => {
  test.each<[string, Record<string, unknown>]>([
    ['tmpDir', { tmpDir: '' }],
    ['transfer', { transfer: 'pigeon' }],
    ['stallTimeoutMs', { stallTimeoutMs: 0 }],
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

  test('a driver needs a session and a backup service', async () => {
    const without = (name: 'vim' | 'backupService') => async () =>
      new VmdkDriver({ vim: lab.vim, backupService: lab.service, [name]: undefined });
    expect(await refusal(without('vim'))).toMatchObject({ code: 'INVALID_INPUT', field: 'options.vim' });
    expect(await refusal(without('backupService'))).toMatchObject({ field: 'options.backupService' });
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
