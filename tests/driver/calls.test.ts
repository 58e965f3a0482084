import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Backup, BackupManifest, Volume } from '../../src/index.js';
import { Lab } from './support/lab.js';

/** Calls whose number follows from how long things take, not from what is asked. */
const timeDependent = new Set(['WaitForUpdatesEx', 'HttpNfcLeaseProgress']);

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'first', volumeId: volume.id };
  // What a session asks only once is asked here.
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** The calls an operation makes, in order. Printed, so that a number that is too large need not be looked for. */
async function callsOf(what: string, operate: () => Promise<unknown>): Promise<string[]> {
  const before = lab.simulator.callCount;
  await operate();
  const count = lab.simulator.callCount - before;
  const calls = lab.simulator
    .calls()
    .slice(-count)
    .map(({ method }) => method)
    .filter((method) => !timeDependent.has(method));
  console.log(`${what}: ${calls.length} calls\n${calls.join('\n')}`);
  return calls;
}

test('a backup takes 14 calls at most', async () => {
  const calls = await callsOf('backup', () => lab.driver.backupVolume({ ...backup, id: randomUUID() }, volume));
  expect(calls.length).toBeLessThanOrEqual(14);
});

test('a verification takes none', async () => {
  expect(await callsOf('verification', () => lab.driver.verifyBackup(backup, { manifest }))).toEqual([]);
});
