import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BackupManifest, Volume } from '../../src/index.js';
import type { TransferFaultKind } from '../../src/simulator/index.js';
import { until } from '../support/until.js';
import { Lab, refusal } from './support/lab.js';
import { sessionWith, writingTo } from './support/services.js';

let lab: Lab;
let volume: Volume;
let whole: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  whole = await lab.driver.backupVolume({ id: 'whole', volumeId: volume.id }, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

const transfers = ['file', 'stream'] as const;
const broken = ['TRANSFER_FAILED'];
const refused = ['TRANSFER_FAILED', 'INVALID_VMDK'];

describe.each(transfers)('an export that goes wrong, by %s: a typed error, and no backup', (transfer) => {
  const early = 0;
  const inHeader = 300;
  const inGrains = 100_000;
  test.each<[TransferFaultKind, number, readonly string[]]>([
    ['status', early, broken],
    ['reset', early, broken],
    ['reset', inHeader, broken],
    ['reset', inGrains, broken],
    ['truncate', inHeader, refused],
    ['truncate', inGrains, refused],
    ['truncate', -512, refused],
    ['truncate', -1, refused],
    ['corrupt', 0, refused],
    ['corrupt', inGrains, broken],
    ['corrupt', -600, refused],
    ['stall', early, ['TRANSFER_STALLED']],
    ['stall', inGrains, ['TRANSFER_STALLED']],
  ])('%s at byte %i', async (kind, at, codes) => {
    const atByte = at < 0 ? whole.streamBytes + at : at;
    const fault = lab.simulator.injectTransferFault({ direction: 'export', kind, atByte });
    const backup = { id: randomUUID(), volumeId: volume.id };
    const stalls = kind === 'stall';
    const driver = lab.driverWith({ config: { transfer, ...(stalls ? { stallTimeoutMs: 1_000 } : {}) } });

    const error = await lab.refusedUnchanged(() => driver.backupVolume(backup, volume));

    // On a busy machine nothing may move for a second before the fault does.
    expect(fault.fired || stalls).toBe(true);
    lab.simulator.clearFaults();
    expect(codes).toContain(error.code);
    expect(error.phase).toBe('export');
    if (error.code !== 'INVALID_VMDK' || kind === 'truncate') expect(error.retryable).toBe(true);
    if (kind === 'status') expect(error).toMatchObject({ status: 500 });
    // A host that reads through an empty region sends nothing either.
    if (stalls) expect(error.message).toMatch(/empty regions.*larger stallTimeoutMs/);
    // Ended, and not as done.
    expect(lab.simulator.leases().at(-1)).toMatchObject({ kind: 'export', state: 'error' });
    await expect(lab.service.restore(backup, volume.id, { path: `${lab.directory}/none` })).rejects.toMatchObject({
      code: 'BACKUP_NOT_FOUND',
    });
  });

  test('and the same backup succeeds when it is tried again', async () => {
    const backup = { id: randomUUID(), volumeId: volume.id };
    const driver = lab.driverWith({ config: { transfer } });
    lab.simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte: 5_000 });
    await expect(driver.backupVolume(backup, volume)).rejects.toMatchObject({ retryable: true });
    expect(await driver.backupVolume(backup, volume)).toMatchObject({ sha256: whole.sha256 });
    expect(await lab.driver.verifyBackup(backup)).toMatchObject({ comparedWithManifest: true });
  });

  test('a backup of that id that was there stays when the new one fails', async () => {
    const backup = { id: randomUUID(), volumeId: volume.id };
    const driver = lab.driverWith({ config: { transfer } });
    await driver.backupVolume(backup, volume);
    lab.simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte: 5_000 });
    await lab.refusedUnchanged(() => driver.backupVolume(backup, volume));
    expect(await driver.verifyBackup(backup)).toMatchObject({ sha256: whole.sha256 });
  });
});

describe("the stream is held against the lease's manifest", () => {
  const entry = (changes: object) => (entries: unknown) =>
    (entries as object[]).map((given) => ({ ...given, ...changes }));

  test.each<[string, (entries: unknown) => unknown, string | undefined]>([
    ['another size', entry({ size: 1 }), 'TRANSFER_FAILED'],
    ['another SHA-256', entry({ checksum: 'ab'.repeat(32) }), 'TRANSFER_FAILED'],
    ['its checksum in capitals', (all) => entry({ checksum: whole.sha256.toUpperCase() })(all), undefined],
    ['no entry of this disk', () => [], undefined],
    ['an entry without checksum', entry({ checksum: '', sha1: '' }), undefined],
  ])('which has %s', async (_what, change, code) => {
    const vim = sessionWith(lab.vim, {
      invoke: async (method, target, args, options) => {
        const result = await lab.vim.invoke(method, target, args, options);
        return (method === 'HttpNfcLeaseGetManifest' ? change(result) : result) as typeof result;
      },
    });
    const backup = { id: randomUUID(), volumeId: volume.id };
    const outcome = lab.driverWith({ vim }).backupVolume(backup, volume);
    if (code === undefined) expect(await outcome).toMatchObject({ sha256: whole.sha256 });
    else await expect(outcome).rejects.toMatchObject({ code, retryable: true });
    await lab.expectNothingLeft();
  });

  test('an older server that knows SHA-1 only is held to that', async () => {
    let sha1 = '';
    const vim = sessionWith(lab.vim, {
      invoke: async (method, target, args, options) => {
        if (method === 'HttpNfcLeaseSetManifestChecksumType') {
          // What a server before 6.7 says of it.
          return lab.vim.invoke('HttpNfcLeaseSetManifestChecksumType', target, {
            deviceUrlsToChecksumTypes: [{ key: 'no such', value: 'sha256' }],
          }) as never;
        }
        const result = await lab.vim.invoke(method, target, args, options);
        if (method !== 'HttpNfcLeaseGetManifest') return result;
        return (result as unknown as { sha1?: string }[]).map(({ sha1: given, ...rest }) => {
          sha1 = given ?? '';
          return { ...rest, sha1: 'ab'.repeat(20), checksum: undefined, checksumType: 'sha1' };
        }) as unknown as typeof result;
      },
    });
    const error = await lab.refusedUnchanged(() =>
      lab.driverWith({ vim }).backupVolume({ id: randomUUID(), volumeId: volume.id }, volume),
    );
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED' });
    expect(sha1).toMatch(/^[0-9a-f]{40}$/);
  });

  test('a server that makes no manifests is believed its stream alone, which must still be whole', async () => {
    await using older = await Lab.start({ simulator: { manifest: false, exportLength: 'content-length' } });
    const ofOlder = await older.addVolume();
    const backup = { id: 'b', volumeId: ofOlder.id };
    const manifest = await older.driver.backupVolume(backup, ofOlder);
    expect(await older.driver.verifyBackup(backup)).toMatchObject({ sha256: manifest.sha256 });
    older.simulator.injectTransferFault({ direction: 'export', kind: 'truncate', atByte: manifest.streamBytes - 512 });
    const error = await older.refusedUnchanged(() => older.driver.backupVolume({ ...backup, id: 'c' }, ofOlder));
    expect(['TRANSFER_FAILED', 'INVALID_VMDK']).toContain(error.code);
  });
});

test('a lease that cannot be completed is no backup: the stream was written, but is not committed', async () => {
  const committed: string[] = [];
  const service = writingTo({ commit: async () => void committed.push('committed') });
  lab.simulator.injectFault({ method: 'HttpNfcLeaseComplete', kind: { fault: 'InvalidState' } });
  const error = await lab.refusedUnchanged(() =>
    lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
  );
  expect(error).toMatchObject({ code: 'LEASE_FAILED' });
  expect(committed).toEqual([]);
});

test('a lease that goes into its error state is reported with the fault, and aborted', async () => {
  const vim = sessionWith(lab.vim, {
    invoke: async (method, target, args, options) => {
      const ref = await lab.vim.invoke(method, target, args, options);
      if (method === 'ExportVm') await lab.vim.invoke('HttpNfcLeaseAbort', ref as never, {});
      return ref;
    },
  });
  const error = await lab.refusedUnchanged(() =>
    lab.driverWith({ vim }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
  );
  expect(error).toMatchObject({ code: 'LEASE_FAILED', cause: { faultName: 'RequestCanceled' } });
});

test('an export whose lease nobody knows of, since the reply was lost: it may hold the volume until it ends by itself', async () => {
  const fault = lab.simulator.injectFault({ method: 'ExportVm', when: 'after', kind: 'reset' });
  const error = await refusal(() => lab.driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume));
  expect(fault.fired).toBe(true);
  expect(error).toMatchObject({
    code: 'VIM_CONNECTION_FAILED',
    retryable: true,
    cleanup: 'pending',
    retryAfterMs: 300_000,
  });
  const again = { id: randomUUID(), volumeId: volume.id };
  expect(await refusal(() => lab.driver.backupVolume(again, volume))).toMatchObject({
    code: 'VOLUME_BUSY',
    retryable: true,
    retryAfterMs: 300_000,
  });
  lab.simulator.advanceTime(300_000);
  await until(() => lab.vmOf(volume).busy === undefined);
  expect(await lab.driver.backupVolume(again, volume)).toMatchObject({ sha256: whole.sha256 });
  await lab.expectNothingLeft();
});

describe('a lease that cannot be given up may hold the volume until it ends by itself, and the error says so', () => {
  const fails = { method: 'HttpNfcLeaseAbort', kind: { fault: 'RuntimeFault' } } as const;

  test.each<[string, string, (abort: AbortController) => void]>([
    ['it did not get ready', 'VIM_FAULT', () => lab.simulator.injectFault({ ...fails, method: 'WaitForUpdatesEx' })],
    ['the transfer failed', 'TRANSFER_FAILED', () => reset(5_000)],
    ['the operation was aborted', 'ABORTED', (abort) => abortAt(abort, 'HttpNfcLeaseSetManifestChecksumType')],
    ['it could not be completed', 'LEASE_FAILED', () => refuse('HttpNfcLeaseComplete')],
  ])('%s', async (_what, code, fail) => {
    const abort = new AbortController();
    fail(abort);
    const unended = lab.simulator.injectFault(fails);
    const backup = { id: randomUUID(), volumeId: volume.id };
    const error = await refusal(() => lab.driver.backupVolume(backup, volume, { signal: abort.signal }));
    expect(unended.fired).toBe(true);
    expect(lab.vmOf(volume).busy).toBeDefined();
    expect(error).toMatchObject({ code, cleanup: 'pending', retryAfterMs: 300_000 });
    lab.simulator.advanceTime(300_000);
    await until(() => lab.vmOf(volume).busy === undefined);
    await lab.expectNothingLeft();
  });

  test('nothing is left where only a reply was lost: it is given up again', async () => {
    reset(5_000);
    const lost = lab.simulator.injectFault({ method: 'HttpNfcLeaseAbort', kind: 'reset' });
    const error = await lab.refusedUnchanged(() =>
      lab.driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume),
    );
    expect(lost.fired).toBe(true);
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', cleanup: 'done', retryAfterMs: undefined });
  });

  function refuse(method: string): void {
    lab.simulator.injectFault({ method, kind: { fault: 'InvalidState' } });
  }

  function reset(atByte: number): void {
    lab.simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte });
  }

  function abortAt(abort: AbortController, method: string): void {
    const stop = lab.simulator.onCall(({ call }) => {
      if (call.method !== method) return;
      stop();
      abort.abort();
    });
  }
});
