import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Logger, Progress, Volume } from '../../src/index.js';
import { Lab, refusal } from './support/lab.js';
import { filesOnly, writingTo } from './support/services.js';

interface Line {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

let lines: Line[] = [];
const at =
  (level: keyof Logger) =>
  (fields: object, message: string): void => {
    lines.push({ level, fields: { ...fields }, message });
  };
const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ logger });
});
afterAll(() => lab[Symbol.asyncDispose]());
beforeEach(() => {
  lines = [];
});

const info = () => lines.filter(({ level }) => level === 'info');
/** An error stands where pino looks for it. */
const errorFields = () =>
  lines.flatMap(({ fields }) => Object.keys(fields).filter((key) => fields[key] instanceof Error));

describe('the log', () => {
  test('tells of each operation when it begins and when it has ended, with what moved', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const ids = { volumeId: volume.id, backupId: backup.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    await lab.driver.restoreBackup(backup, volume, { manifest });
    await lab.driver.verifyBackup(backup, { manifest });
    await lab.driver.extendVolume(volume, 2);
    await lab.driver.deleteBacking(volume);
    await lab.driver.createBacking(volume);
    await lab.driver.recover();

    const moved = { bytes: manifest.streamBytes, seconds: expect.any(Number), bytesPerSecond: expect.any(Number) };
    const took = { seconds: expect.any(Number) };
    expect(info()).toEqual(
      [
        ['backup', ids, moved],
        ['restore', ids, moved],
        ['verify', ids, moved],
        ['extend', { volumeId: volume.id }, took],
        ['delete', { volumeId: volume.id }, took],
        ['create', { volumeId: volume.id }, took],
        ['recover', {}, took],
      ].flatMap(([operation, about, figures]) => [
        { level: 'info', fields: { operation, ...(about as object) }, message: `${operation as string} begins` },
        {
          level: 'info',
          fields: { operation, ...(about as object), ...(figures as object) },
          message: `${operation as string} ended`,
        },
      ]),
    );
    // Whatever is said of an operation says of which.
    for (const { fields } of lines.filter(({ fields: { operation } }) =>
      ['backup', 'restore'].includes(operation as string),
    )) {
      expect(fields).toMatchObject(ids);
    }
    expect(lines.filter(({ fields }) => fields['operation'] === undefined)).toEqual([]);
  });

  test('tells of one that failed, and of one that was aborted, with the error', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const fail = writingTo({
      write: () => Promise.reject(new Error('quota')),
      abort: () => Promise.reject(new Error('gone')),
    });
    const error = await refusal(() => lab.driverWith({ service: fail, logger }).backupVolume(backup, volume));
    expect(error).toMatchObject({ code: 'BACKUP_SERVICE_FAILED', cleanup: 'pending' });
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      message: 'backup failed',
      fields: {
        operation: 'backup',
        volumeId: volume.id,
        backupId: backup.id,
        err: error,
        seconds: expect.any(Number),
      },
    });

    const signal = AbortSignal.abort();
    await refusal(() => lab.driver.backupVolume(backup, volume, { signal }));
    expect(lines.at(-1)).toMatchObject({
      level: 'info',
      message: 'backup was aborted',
      fields: { backupId: backup.id },
    });
    expect(new Set(errorFields())).toEqual(new Set(['err']));
  });

  test('warns of extra specs that do nothing', async () => {
    const extraSpecs = {
      'vmware:vmdktype': 'thick',
      'vmware:adaptor_type': 'ide',
      'VMware:storage_profile': 'gold',
      storage_profile: 'gold',
      'vmware:flavour': 'vanilla',
      'vmware:clone_type': 'linked',
      volume_backend_name: 'vmware-1',
      vmdk_cache: 'on',
    };
    const volume = { id: randomUUID(), size: 1, volumeType: { extraSpecs } };
    await lab.driver.createBacking(volume);
    const warnings = lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual([
      'extra spec vmware:vmdktype is not known and does nothing: vmware:vmdk_type is meant, it seems',
      'extra spec vmware:adaptor_type is not known and does nothing: vmware:adapter_type is meant, it seems',
      'extra spec VMware:storage_profile is not known and does nothing: vmware:storage_profile is meant, it seems',
      'extra spec storage_profile is not known and does nothing: vmware:storage_profile is meant, it seems',
      'extra spec vmware:flavour is not known and does nothing',
    ]);
    expect(lines.find(({ level }) => level === 'warn')?.fields).toMatchObject({ volumeId: volume.id });
  });
});

describe('every operation takes onProgress and signal', () => {
  const operations: [Progress['operation'], (volume: Volume, options: object) => Promise<unknown>][] = [
    ['backup', (volume, options) => lab.driver.backupVolume({ id: 'p', volumeId: volume.id }, volume, options)],
    ['restore', (volume, options) => lab.driver.restoreBackup({ id: 'p', volumeId: volume.id }, volume, options)],
    ['verify', (volume, options) => lab.driver.verifyBackup({ id: 'p', volumeId: volume.id }, options)],
    ['create', (volume, options) => lab.driver.createBacking(volume, options)],
    ['extend', (volume, options) => lab.driver.extendVolume(volume, 2, options)],
    ['delete', (volume, options) => lab.driver.deleteBacking(volume, options)],
    ['recover', (_volume, options) => lab.driver.recover(options)],
  ];
  test('also one that rejects or throws costs nothing', async () => {
    const volume = await lab.addVolume();
    const broken: ((progress: Progress) => unknown)[] = [
      () => Promise.reject(new Error('the progress bar is broken')),
      () => {
        throw new Error('the progress bar is broken');
      },
    ];
    for (const [i, [name, operate]] of operations.entries()) {
      const seen = new Set<string>();
      const onProgress = (progress: Progress): unknown => {
        seen.add(progress.operation);
        return broken[i % broken.length]!(progress);
      };
      await operate(volume, { onProgress });
      expect([...seen]).toEqual([name]);
      const { signal } = new AbortController();
      expect(
        await refusal(() => operate(volume, { signal: AbortSignal.any([signal, AbortSignal.abort('no')]) })),
      ).toMatchObject({
        code: 'ABORTED',
        cause: 'no',
      });
    }
    // Once for each operation, not at each report.
    const warned = lines
      .filter(({ message }) => message === 'onProgress failed')
      .map(({ fields }) => fields['operation']);
    expect(warned).toEqual(operations.map(([name]) => name));
  });
});

test('a volume that is powered on is in use, for each operation; nothing is changed', async () => {
  const volume = await lab.addVolume();
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  await lab.vim.invoke('PowerOnVM_Task', lab.vmOf(volume).ref, {});
  while (lab.vmOf(volume).powerState !== 'poweredOn') await new Promise(setImmediate);
  for (const operate of [
    () => lab.driver.backupVolume({ ...backup, id: 'x' }, volume),
    () => lab.driver.restoreBackup(backup, volume),
    () => lab.driver.createBacking(volume),
    () => lab.driver.extendVolume(volume, 2),
    () => lab.driver.deleteBacking(volume),
  ]) {
    const error = await lab.refusedUnchanged(operate);
    expect(error).toMatchObject({ code: 'BACKING_IN_USE', retryable: false });
    expect(error.message).toContain('power it off');
  }
});

test('a busy volume says what to do, and that it passes', async () => {
  const volume = await lab.addVolume();
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  let begun!: () => void;
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  const service = filesOnly(lab.service, {
    backup: async () => {
      begun();
      await held;
    },
  });
  const first = lab.driverWith({ service }).backupVolume({ id: 'first', volumeId: volume.id }, volume);
  await beginning;
  const error = await refusal(() => lab.driver.deleteBacking(volume));
  expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true });
  expect(error.message).toMatch(/wait for its end, or abort it/);
  release();
  await first;
  expect(await lab.driver.deleteBacking(volume)).toBe(true);
});
