import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, BackupService, Volume } from '../../src/index.js';
import { hostileError } from '../support/hostile-error.js';
import { validVmdk } from '../support/vmdk-mutations.js';
import { Lab, someContent } from './support/lab.js';
import {
  appendGarbage,
  dropTrailingZeros,
  filesOnly,
  flipBit,
  padWithZeros,
  restoringOtherwise,
  serviceOf,
} from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;
let content: string;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
  content = await lab.contentOf(volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

describe('a service that gives back another length than it was given', () => {
  test.each([
    ['pads with zeros, as Ceph does', padWithZeros],
    ['leaves zeros at the end out, as a sparse restore does', dropTrailingZeros],
  ])('%s: restored and verified all the same', async (_what, change) => {
    const driver = lab.driverWith({ service: restoringOtherwise(lab.service, change) });
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    expect(await driver.restoreBackup(backup, volume)).toMatchObject({ streamBytes: manifest.streamBytes });
    expect(await lab.contentOf(volume)).toBe(content);
    expect(await driver.verifyBackup(backup)).toMatchObject({ sha256: manifest.sha256, comparedWithManifest: true });
    await lab.expectNothingLeft();
  });

  test.each([
    ['has garbage after the stream', appendGarbage],
    ['has a bit flipped', flipBit],
    ['has both padding and garbage', async (path: string) => padWithZeros(path).then(() => appendGarbage(path))],
  ])('but one that %s is refused', async (_what, change) => {
    const driver = lab.driverWith({ service: restoringOtherwise(lab.service, change) });
    const imports = lab.callsOf('ImportVApp');
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
    const verified = await lab.refusedUnchanged(() => driver.verifyBackup(backup));
    expect(['BACKUP_CORRUPT', 'INVALID_VMDK']).toContain(verified.code);
    expect(lab.callsOf('ImportVApp')).toBe(imports);
  });
});

describe('a service that fails with an error that throws when it is looked at', () => {
  const hostileCode = () => Object.defineProperty(new Error('x'), 'code', { get: () => { throw new Error('trapped'); } }); // prettier-ignore
  test.each([
    ['file', hostileError],
    ['stream', hostileError],
    ['file', hostileCode],
    ['stream', hostileCode],
  ] as const)('by %s: a typed error, and nothing left', async (transfer, makeError) => {
    const fail = () => Promise.reject(makeError());
    const breaks = () => Promise.resolve({ stream: new Readable({ read() { this.destroy(makeError()); } }) }); // prettier-ignore
    const service = { ...serviceOf(Buffer.alloc(0), manifest), backup: fail, restore: fail, openRestore: breaks };
    const driver = lab.driverWith({ service, config: { transfer } });
    for (const operate of [() => driver.restoreBackup(backup, volume), () => driver.verifyBackup(backup)])
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKUP_SERVICE_FAILED' });
    await lab.expectNothingLeft();
  });
});

describe('zeros behind the end of a stream', () => {
  const padded = async (): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    const opened = await lab.service.openRestore?.(backup, {});
    for await (const chunk of opened!.stream) chunks.push(chunk as Buffer);
    return Buffer.concat([...chunks, Buffer.alloc(2 ** 21)]);
  };

  test('are left out without a manifest as well, as of the backups Cinder itself made', async () => {
    const service = filesOnly(restoringOtherwise(lab.service, padWithZeros), { readManifest: async () => undefined });
    const driver = lab.driverWith({ service });
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    const { streamBytes, sha256 } = manifest;
    expect(await driver.restoreBackup(backup, volume)).toMatchObject({ streamBytes, sha256 });
    expect(await lab.contentOf(volume)).toBe(content);
    const report = await driver.verifyBackup(backup);
    expect(report).toMatchObject({ streamBytes, sha256, comparedWithManifest: false });
    expect(report.disk.paddingBytes).toBeGreaterThan(0);
    await lab.expectNothingLeft();
  });

  test('are refused without a manifest where anything follows them', async () => {
    const change = async (path: string) => padWithZeros(path).then(() => appendGarbage(path));
    const service = filesOnly(restoringOtherwise(lab.service, change), { readManifest: async () => undefined });
    const driver = lab.driverWith({ service });
    for (const act of [() => driver.restoreBackup(backup, volume), () => driver.verifyBackup(backup)]) {
      expect(await lab.refusedUnchanged(act)).toMatchObject({ code: 'INVALID_VMDK', reason: 'trailing-bytes' });
    }
  });

  test('are left out of a stream, whether or not the service counts them', async () => {
    const bytes = await padded();
    for (const length of [undefined, bytes.length]) {
      const plain = serviceOf(bytes, manifest);
      const openRestore: BackupService['openRestore'] = async (...args) => {
        const { stream } = await plain.openRestore!(...args);
        return length === undefined ? { stream } : { stream, length };
      };
      const driver = lab.driverWith({ service: { ...plain, openRestore }, config: { transfer: 'stream' } });
      await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
      expect(await driver.restoreBackup(backup, volume)).toMatchObject({ streamBytes: manifest.streamBytes });
      expect(await lab.contentOf(volume)).toBe(content);
      expect(await driver.verifyBackup(backup)).toMatchObject({ sha256: manifest.sha256, comparedWithManifest: true });
    }
    await lab.expectNothingLeft();
  });

  test('may be counted by a manifest, which then has them', async () => {
    const bytes = await padded();
    const streamBytes = bytes.length - 2 ** 20;
    const sha256 = createHash('sha256').update(bytes.subarray(0, streamBytes)).digest('hex');
    const counted = { ...manifest, streamBytes, sha256 };
    for (const service of [serviceOf(bytes, counted), filesOnly(serviceOf(bytes, counted))]) {
      const driver = lab.driverWith({ service });
      expect(await driver.verifyBackup(backup)).toMatchObject({ streamBytes, sha256, comparedWithManifest: true });
      expect(await driver.restoreBackup(backup, volume)).toMatchObject({ streamBytes, sha256 });
      expect(await lab.contentOf(volume)).toBe(content);
    }
  });
});

describe('a stream another tool wrote', () => {
  const { bytes, capacity } = validVmdk('qemu');
  const foreign = (): BackupManifest => ({
    ...manifest,
    streamBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    capacityBytes: capacity * 512,
  });

  test('without an end-of-stream marker is completed on its way, by the file path', async () => {
    const driver = lab.driverWith({ service: filesOnly(serviceOf(bytes)) });
    const result = await driver.restoreBackup(backup, volume, { manifest: foreign() });
    // What is stored was not touched, and is what the manifest says.
    expect(result).toMatchObject({ streamBytes: bytes.length, sha256: foreign().sha256, extended: true });
    const copy = { id: randomUUID(), size: 1 };
    await driver.restoreBackup(backup, copy, { manifest: foreign() });
    expect(await lab.contentOf(copy)).toBe(await lab.contentOf(volume));
    await lab.expectNothingLeft();
  });

  test('is refused by the stream path, which cannot know its length before: nothing changed', async () => {
    const driver = lab.driverWith({ service: serviceOf(bytes), config: { transfer: 'stream' } });
    const error = await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest: foreign() }));
    expect(['UNSUPPORTED_BACKUP', 'TRANSFER_FAILED']).toContain(error.code);
  });

  test.each(['front', 'patched'] as const)('in the %s layout is restored as it is', async (layout) => {
    const { bytes: whole } = validVmdk(layout);
    const copy = { id: randomUUID(), size: 1 };
    const driver = lab.driverWith({ service: filesOnly(serviceOf(whole)) });
    expect(await driver.restoreBackup(backup, copy)).toMatchObject({ created: true, streamBytes: whole.length });
    expect(await lab.contentOf(copy)).toMatch(/^[0-9a-f]{64}$/);
    await lab.expectNothingLeft();
  });
});
