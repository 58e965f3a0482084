import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../../src/repository/index.js';
import { ObjectBackupService, RbdBackupService } from '../../../src/services/index.js';
import { digest } from '../../../src/testing/digest.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { filesOnly } from '../../driver/support/services.js';
import { bytesPerMiB, Lab } from '../../driver/support/lab.js';
import { CuttingProxy } from './cutting-proxy.js';
import { noting } from './outcomes.js';
import { aDayLater, newPrefix, serviceAt, storeAt, type Place, type PlacedService } from './place.js';

/** A fault of the servers: begins, and is over again. */
export interface ServerFault {
  readonly name: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const run = promisify(execFile);

const newBackup = () => ({ id: randomUUID(), volumeId: 'volume-1' });

/** Declares the tests of one place. `at` is called when its servers run. */
export function testPlace(name: string, at: () => Place, faults: () => readonly ServerFault[]): void {
  const fresh = async (): Promise<Place> => {
    const place = { ...at(), prefix: newPrefix() };
    if (place.isRepository === true) {
      await new RepositoryBackupService({ store: storeAt(place) }).initialize();
    }
    return place;
  };

  test.each(['stream', 'file'])(`${name}: backup, verify and restore by %s`, (how) =>
    noting(name, `backup, verify, restore by ${how}`, '-', async () => {
      const service = serviceAt(await fresh());
      await using lab = await Lab.start({ service: how === 'file' ? filesOnly(service) : service });
      const volume = await lab.addVolume({}, randomBytes(24 * bytesPerMiB));
      const content = await lab.contentOf(volume);
      const backup = { id: randomUUID(), volumeId: volume.id, size: 1 };
      const manifest = await lab.driver.backupVolume(backup, volume);
      await lab.driver.verifyBackup(backup, { manifest });
      await lab.simulator.writeDisk(lab.diskOf(volume).path, randomBytes(bytesPerMiB));
      const [created, larger] = [
        { id: randomUUID(), size: 1 },
        { id: randomUUID(), size: 2 },
      ];
      for (const target of [volume, created, larger]) {
        await lab.driver.restoreBackup(backup, target, { manifest });
        expect(await lab.contentOf(target)).toBe(content);
      }
      expect(lab.simulator.leftovers()).toEqual([]);
      expect(await lab.temporaryFiles()).toEqual([]);
      await service.delete?.(backup);
      await expectNothing(service);
    }),
  );

  test(`${name}: a client that is killed`, () =>
    noting(name, 'backup', 'kill -9 of the client', async () => {
      const place = await fresh();
      const before = await remains(place);
      const { id } = newBackup();
      const program = 'tests/real-stores/support/killed-client.ts';
      const child = spawn(process.execPath, ['--import', './scripts/ts-node.mjs', program, JSON.stringify(place), id], {
        cwd: resolve('.'),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      await Promise.race([once(child.stdout, 'data'), exited]);
      child.kill('SIGKILL');
      expect(await exited).toEqual([null, 'SIGKILL']);
      const service = serviceAt(place);
      await expectNothing(service);
      await expect(service.openRestore({ id, volumeId: 'volume-1' })).rejects.toMatchObject({
        code: 'BACKUP_NOT_FOUND',
      });
      await sweep(place);
      expect(await remains(place)).toEqual(before);
    }));

  test(`${name}: servers that fail`, async () => {
    for (const fault of faults()) {
      await noting(name, 'backup', fault.name, async () => {
        const service = serviceAt(await fresh());
        const backup = newBackup();
        const bytes = randomBytes(48 * bytesPerMiB);
        const writer = await service.openBackup(backup);
        let over = Promise.resolve();
        for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
          if (offset === 20 * bytesPerMiB) {
            await fault.begin();
            over = pause(2000).then(() => fault.end());
          }
          await writer.write(bytes.subarray(offset, offset + bytesPerMiB));
        }
        await writer.commit(manifestOf(backup, bytes));
        await over;
        expect(digest(await buffer((await service.openRestore(backup)).stream))).toBe(digest(bytes));
        await service.delete?.(backup);
        await expectNothing(service);
      });
    }
  });
}

/** Declares the tests with connections that break; they are made to `port` of the place. */
export function testConnections(name: string, at: () => Extract<Place, { port: number }>): void {
  test(`${name}: connections that break are made anew`, () =>
    noting(name, 'backup', 'three connections cut', async () => {
      const place = { ...at(), prefix: newPrefix() };
      await using proxy = await CuttingProxy.start(place.port, { cuts: 3, afterBytes: 2 * bytesPerMiB });
      const service = serviceAt({ ...place, port: proxy.port });
      const backup = newBackup();
      const bytes = randomBytes(40 * bytesPerMiB);
      await write(service, backup, bytes);
      expect(proxy.broken).toBe(3);
      expect(digest(await buffer((await serviceAt(place).openRestore(backup)).stream))).toBe(digest(bytes));
    }));

  test(`${name}: connections that all break leave what was there`, () =>
    noting(name, 'backup', 'every connection cut', async () => {
      const place = { ...at(), prefix: newPrefix() };
      const backup = newBackup();
      const kept = randomBytes(5000);
      await write(serviceAt(place), backup, kept);
      await using proxy = await CuttingProxy.start(place.port, { cuts: Infinity, afterBytes: 2 * bytesPerMiB });
      const service = serviceAt({ ...place, port: proxy.port, isImpatient: true });
      await expect(write(service, backup, randomBytes(40 * bytesPerMiB))).rejects.toMatchObject({
        code: 'STORE_FAILED',
      });
      expect(await buffer((await serviceAt(place).openRestore(backup)).stream)).toEqual(kept);
      await serviceAt(place).delete?.(backup);
      await sweep(place);
      expect(await remains(place)).toEqual([]);
    }));
}

async function write(service: PlacedService, backup: { id: string; volumeId: string }, bytes: Buffer): Promise<void> {
  const writer = await service.openBackup(backup);
  try {
    for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
      await writer.write(bytes.subarray(offset, offset + bytesPerMiB));
    }
    await writer.commit(manifestOf(backup, bytes));
  } finally {
    await writer.abort();
  }
}

async function expectNothing(service: PlacedService): Promise<void> {
  for await (const backup of service.list()) throw new Error(`${backup.id} is listed`);
}

/** All that a place holds. */
async function remains(place: Place): Promise<string[]> {
  if (place.kind === 'rbd') {
    const { stdout } = await run('rbd', ['--conf', place.conf, 'ls', 'backups']);
    return stdout.split('\n').filter((name) => name !== '');
  }
  const found: string[] = [];
  for await (const { key } of storeAt(place).list('')) found.push(key);
  return found;
}

/** What a service does a day later. */
async function sweep(place: Place): Promise<void> {
  if (place.kind === 'rbd') {
    const service = new RbdBackupService({ pool: 'backups', conf: place.conf });
    // The cluster remembers a client that was killed for half a minute, and keeps its image.
    while ((await service.sweep()) === 0) await pause(2000);
    return;
  }
  const store = aDayLater(storeAt(place));
  if (place.isRepository !== true) {
    await new ObjectBackupService({ store }).sweep();
    return;
  }
  const repository = new RepositoryBackupService({ store });
  // The first marks what nobody needs, the second deletes what is marked, the third has nothing to do. Some clocks count in seconds.
  for (let round = 0; round < 3; round++) {
    await repository.collectGarbage({ graceMs: 0 });
    await pause(1100);
  }
}
