import { createHash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BackupManifest, VmdkDriver, VmdkDriverError, Volume } from '../../src/index.js';
import { Lab, refusal } from '../driver/support/lab.js';
import { filesOnly, serviceOf, sessionWith, writingTo } from '../driver/support/services.js';
import { MUTATED_CAPACITY, validVmdk, type VmdkMutation, vmdkMutations } from '../support/vmdk-mutations.js';

const rows = vmdkMutations();
const capacityBytes = MUTATED_CAPACITY * 512;

let lab: Lab;
let volumes: Volume[];
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volumes = await Promise.all(Array.from({ length: lanes }, () => lab.addVolume()));
  manifest = await lab.driver.backupVolume({ id: 'good', volumeId: volumes[0]!.id }, volumes[0]!);
});
afterAll(() => lab[Symbol.asyncDispose]());

const codes = ['INVALID_VMDK', 'BACKUP_CORRUPT', 'TRANSFER_FAILED', 'LEASE_FAILED'];

/** How many rows are tried at a time; each lane has a volume of its own. */
const lanes = 4;

/** Runs an operation on every row and gives the names of those it took, or refused for another reason than the stream. */
async function notRefused(
  of: readonly VmdkMutation[],
  operate: (row: VmdkMutation, lane: number) => Promise<unknown>,
  expected: (error: VmdkDriverError, row: VmdkMutation) => boolean = (error) => codes.includes(error.code),
): Promise<string[]> {
  const taken: string[] = [];
  const queue = [...of];
  const run = async (lane: number): Promise<void> => {
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      const { name } = row;
      const outcome = await refusal(() => operate(row, lane)).then(
        (error) => (expected(error, row) ? undefined : `${name}: ${error.code} ${error.message}`),
        (error: unknown) => `${name}: ${String(error)}`,
      );
      if (outcome !== undefined) taken.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  return taken;
}

const backup = () => ({ id: 'mutated', volumeId: manifest.volumeId });

/** The worst case: the manifest vouches for the damaged bytes. */
function manifestOf(bytes: Buffer): BackupManifest {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { ...manifest, backupId: 'mutated', streamBytes: bytes.length, sha256, capacityBytes };
}

/** Refused for what is wrong with it, where its structure tells. */
const forItsReason = (error: VmdkDriverError, { reasons }: VmdkMutation): boolean =>
  error.code === 'INVALID_VMDK' && (reasons as readonly unknown[]).includes(error.toJSON()['reason']);

/** A grain that does not inflate may show before what its marker's damage did to the structure. */
const asDamaged = ({ code }: VmdkDriverError): boolean => code === 'INVALID_VMDK';

/** By stream one without an end-of-stream marker is refused for that, whatever its grains hold. */
const alsoForItsLayout = ({ code }: VmdkDriverError, { layout }: VmdkMutation): boolean =>
  codes.includes(code) || (layout === 'qemu' && code === 'UNSUPPORTED_BACKUP');

const inspected = rows.filter(({ refusedBy }) => refusedBy === 'inspect');
const inflated = rows.filter(({ refusedBy }) => refusedBy === 'verify');

test('the corpus is what issue 3 asks for', () => {
  expect(rows.length).toBeGreaterThanOrEqual(60);
  expect(inspected.length).toBeGreaterThan(0);
  expect(inflated.length).toBeGreaterThan(0);
});

describe('a damaged stream is refused on restore, with vCenter as it was', () => {
  test('by the file path: before vCenter is asked for anything', async () => {
    const imports = lab.callsOf('ImportVApp');
    const before = await lab.everything();
    const driverFor = (bytes: Buffer) =>
      lab.driverWith({ service: filesOnly(serviceOf(bytes)), config: { transfer: 'file' } });
    const fresh = { id: randomUUID(), size: 1 };
    // Every lane has a volume of its own but the last, which restores to a new one.
    const targets = [...volumes.slice(0, lanes - 1), fresh];
    const restore = ({ bytes }: VmdkMutation, lane: number) => driverFor(bytes).restoreBackup(backup(), targets[lane]!);
    expect(await notRefused(inspected, restore, forItsReason)).toEqual([]);
    expect(lab.callsOf('ImportVApp')).toBe(imports);
    expect(await lab.everything()).toEqual(before);
    await lab.expectNothingLeft();
  }, 900_000);

  test('also what only its grains tell: the good backup’s manifest tells it apart; without one, the import fails', async () => {
    const before = await lab.everything();
    const ofGood = (layout: VmdkMutation['layout']) => manifestOf(validVmdk(layout).bytes);
    const restore = ({ bytes, layout }: VmdkMutation, lane: number) =>
      lab
        .driverWith({ service: filesOnly(serviceOf(bytes)) })
        .restoreBackup(backup(), volumes[lane]!, { manifest: ofGood(layout) });
    const imports = lab.callsOf('ImportVApp');
    expect(await notRefused(inflated, restore)).toEqual([]);
    expect(lab.callsOf('ImportVApp')).toBe(imports);
    const blind = ({ bytes }: VmdkMutation, lane: number) =>
      lab.driverWith({ service: filesOnly(serviceOf(bytes)) }).restoreBackup(backup(), volumes[lane]!);
    expect(await notRefused(inflated, blind)).toEqual([]);
    expect(await lab.everything()).toEqual(before);
    await lab.expectNothingLeft();
  }, 900_000);

  test('by the stream path, its manifest vouching for it: the temporary VM is gone again, the volume untouched', async () => {
    const before = await lab.everything();
    const restore = ({ bytes }: VmdkMutation, lane: number) =>
      lab
        .driverWith({ service: serviceOf(bytes), config: { transfer: 'stream', transfersPerHost: lanes } })
        .restoreBackup(backup(), volumes[lane]!, { manifest: manifestOf(bytes) });
    // A manifest is never of nothing. Each of these imports; the file path had them all.
    const every = process.env['ALL_ROWS'] === undefined ? 4 : 1;
    const whole = rows.filter(
      ({ bytes, refusedBy }, i) => bytes.length > 0 && (refusedBy === 'verify' || i % every === 0),
    );
    expect(await notRefused(whole, restore, alsoForItsLayout)).toEqual([]);
    expect(await lab.everything()).toEqual(before);
    await lab.expectNothingLeft();
  }, 900_000);
});

test('a damaged stream is refused by verifyBackup, from a file and from a stream, whatever its manifest says', async () => {
  const verify = (row: VmdkMutation, driver: VmdkDriver) =>
    driver.verifyBackup(backup(), row.bytes.length > 0 ? { manifest: manifestOf(row.bytes) } : {});
  const before = lab.simulator.calls().length;
  expect(
    await notRefused(rows, (row) => verify(row, lab.driverWith({ service: serviceOf(row.bytes) })), asDamaged),
  ).toEqual([]);
  expect(
    await notRefused(
      inflated,
      (row) => verify(row, lab.driverWith({ service: filesOnly(serviceOf(row.bytes)) })),
      asDamaged,
    ),
  ).toEqual([]);
  expect(lab.simulator.calls()).toHaveLength(before);
  expect(await lab.temporaryFiles()).toEqual([]);
}, 900_000);

describe('a damaged stream is refused on backup: no backup, vCenter as it was', () => {
  const committed: string[] = [];
  const service = writingTo({ commit: async () => void committed.push('committed') });

  /** A small volume for each lane. */
  const small = (): Promise<Volume[]> =>
    Promise.all(Array.from({ length: lanes }, () => lab.addVolume({}, Buffer.alloc(4096, 1), { capacityBytes })));
  const remove = async (all: readonly Volume[]): Promise<void> => {
    for (const of of all) await lab.simulator.removeVm(lab.vmOf(of).name);
  };

  test('where the server sends it and its own manifest vouches for it', async () => {
    const of = await small();
    const before = await lab.everything();
    const driver = lab.driverWith({ service });
    const run = async ({ bytes }: VmdkMutation, lane: number) => {
      const file = join(lab.directory, `export-${lane}.vmdk`);
      await writeFile(file, bytes);
      await lab.simulator.serveExport(lab.diskOf(of[lane]!).path, file);
      await driver.backupVolume({ id: 'mutated', volumeId: of[lane]!.id }, of[lane]!);
    };
    // An empty body is no transfer at all; the structure of every other tells.
    expect(await notRefused(inspected, run)).toEqual([]);
    expect(committed).toEqual([]);
    expect(await lab.everything()).toEqual(before);
    await lab.expectNothingLeft();
    await remove(of);
  }, 900_000);

  test("where it was damaged on the way: the lease's manifest tells what no structure does", async () => {
    const of = await small();
    const before = await lab.everything();
    const run = ({ bytes }: VmdkMutation, lane: number) => {
      const vim = sessionWith(lab.vim, {
        download: async (url, options) => {
          const { stream } = await lab.vim.download(url, options);
          await pipeline(stream, new PassThrough().resume()); // the server sends the true one
          return { stream: Readable.from([bytes], { objectMode: false }) };
        },
      });
      return lab.driverWith({ vim, service }).backupVolume({ id: 'mutated', volumeId: of[lane]!.id }, of[lane]!);
    };
    expect(await notRefused(inflated, run)).toEqual([]);
    expect(committed).toEqual([]);
    expect(await lab.everything()).toEqual(before);
    await lab.expectNothingLeft();
  }, 900_000);
});
