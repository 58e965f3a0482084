import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openFileSink } from '../../src/driver/file-sink.js';
import type { Backup, BackupManifest, BackupService, Progress, Volume } from '../../src/index.js';
import { type Logger, silentLogger } from '../../src/logger.js';
import { needing } from '../support/needing.js';
import { Lab, refusal, someContent } from './support/lab.js';
import { appendGarbage, filesOnly, restoringOtherwise } from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

const file = { transfer: 'file' } as const;

describe('the temporary file is its owner’s only, and gone whatever happens', () => {
  async function seenDuring(operation: 'backup' | 'restore', outcome: () => Promise<void>) {
    const seen: { names: string[]; mode: number }[] = [];
    const look = async (path: string): Promise<void> => {
      seen.push({ names: await lab.temporaryFiles(), mode: (await stat(path)).mode & 0o777 });
      await outcome();
    };
    const service = filesOnly(lab.service, {
      backup: (_backup, { path }) => look(path),
      async restore(asked, volumeId, target, options) {
        await look(target.path);
        await lab.service.restore(asked, volumeId, target, options);
      },
    });
    const driver = lab.driverWith({ service });
    const result = await (
      operation === 'backup'
        ? driver.backupVolume({ ...backup, id: 'seen' }, volume)
        : driver.restoreBackup(backup, volume)
    ).then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code,
    );
    return { result, seen };
  }
  const fail = () => Promise.reject(new Error('the store is down'));

  test.each([
    ['backup', 'success', 'done', () => Promise.resolve()],
    ['restore', 'success', 'done', () => Promise.resolve()],
    ['backup', 'a service that fails', 'BACKUP_SERVICE_FAILED', fail],
    ['restore', 'a service that fails', 'BACKUP_SERVICE_FAILED', fail],
  ] as const)('%s: after %s', async (operation, _what, expected, outcome) => {
    const { result, seen } = await seenDuring(operation, outcome);
    expect(result).toBe(expected);
    const name = expect.stringMatching(new RegExp(`^vmdk-driver-${process.pid}-.+\\.vmdk$`));
    expect(seen).toEqual([{ names: [name], mode: 0o600 }]);
    await lab.expectNothingLeft();
  });

  test('after a transfer that failed, either way', async () => {
    const driver = lab.driverWith({ config: file });
    lab.simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte: 70_000 });
    expect(await lab.refusedUnchanged(() => driver.backupVolume({ ...backup, id: 'cut' }, volume))).toMatchObject({
      code: 'TRANSFER_FAILED',
    });
    lab.simulator.injectTransferFault({ direction: 'import', kind: 'reset', atByte: 70_000 });
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'TRANSFER_FAILED',
    });
  });

  test('after a file that proved bad', async () => {
    const service = restoringOtherwise(lab.service, appendGarbage);
    const driver = lab.driverWith({ service });
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
    expect(await lab.refusedUnchanged(() => driver.verifyBackup(backup))).toMatchObject({ code: 'BACKUP_CORRUPT' });
  });

  test('after somebody cut it once it had proved good', async () => {
    const driver = lab.driverWith({ config: file });
    for (const length of [0, 1000, manifest.streamBytes - 1]) {
      const end = lab.simulator.onCall(async ({ phase, call }) => {
        if (phase !== 'before' || call.method !== 'ImportVApp') return;
        end();
        for (const name of await lab.temporaryFiles()) await truncate(join(lab.tmpDir, name), length);
      });
      expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
        code: 'BACKUP_CORRUPT',
        message: expect.stringContaining(`has ${length} by now`) as unknown,
      });
    }
  });

  test('after an abort, while the service has it', async () => {
    const abort = new AbortController();
    const service = filesOnly(lab.service, {
      backup: () => {
        abort.abort(new Error('changed my mind'));
        return Promise.reject(new Error('aborted'));
      },
    });
    const driver = lab.driverWith({ service });
    expect(
      await lab.refusedUnchanged(() => driver.backupVolume({ ...backup, id: 'x' }, volume, { signal: abort.signal })),
    ).toMatchObject({ code: 'ABORTED', cause: { message: 'changed my mind' } });
  });

  test.each(['backup', 'restore', 'verify'] as const)(
    '%s: after a service that left a directory in its place',
    async (operation) => {
      const replace = async (path: string): Promise<void> => {
        await rm(path);
        await mkdir(path);
        await writeFile(join(path, 'part-1'), '');
      };
      const service = filesOnly(lab.service, {
        backup: (_backup, { path }) => replace(path),
        restore: (_backup, _volumeId, { path }) => replace(path),
      });
      const driver = lab.driverWith({ service });
      if (operation === 'backup') await driver.backupVolume({ ...backup, id: 'x' }, volume);
      else {
        const operate = () =>
          operation === 'restore' ? driver.restoreBackup(backup, volume) : driver.verifyBackup(backup);
        expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKUP_SERVICE_FAILED' });
      }
      await lab.expectNothingLeft();
    },
  );

  test('one that somebody deletes in the middle is a typed error', async () => {
    const driver = lab.driverWith({ config: file });
    const remove = (): void => {
      for (const name of readdirSync(lab.tmpDir)) rmSync(join(lab.tmpDir, name));
    };
    const removeBefore = (method: string): void => {
      const end = lab.simulator.onCall(({ phase, call }) => {
        if (phase !== 'before' || call.method !== method) return;
        end();
        remove();
      });
    };
    const unusable = { code: 'TEMPORARY_DIRECTORY_UNUSABLE', cleanup: 'done', cause: { code: 'ENOENT' } };

    removeBefore('HttpNfcLeaseComplete');
    expect(await lab.refusedUnchanged(() => driver.backupVolume({ ...backup, id: 'x' }, volume))).toMatchObject(
      unusable,
    );
    removeBefore('ImportVApp');
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject(unusable);
    const onProgress = ({ phase }: Progress): void => {
      if (phase === 'validate') remove();
    };
    for (const operate of [
      () => driver.restoreBackup(backup, volume, { onProgress }),
      () => driver.verifyBackup(backup, { onProgress }),
    ])
      expect(await lab.refusedUnchanged(operate)).toMatchObject(unusable);
  });

  test('an export that never began leaves no file open', async () => {
    const openFiles = async () => (await readdir('/proc/self/fd').catch(() => [])).length;
    const driver = lab.driverWith({ config: file });
    lab.simulator.lockFile(lab.diskOf(volume).path);
    const before = await openFiles();
    for (let i = 0; i < 5; i++) await refusal(() => driver.backupVolume({ ...backup, id: 'x' }, volume));
    lab.simulator.unlockFile(lab.diskOf(volume).path);
    expect((await openFiles()) - before).toBeLessThan(4);
  });

  test('a stream leaves no file at all', async () => {
    const seen: string[][] = [];
    const driver = lab.driverWith({ config: { transfer: 'stream' } });
    const look = async () => seen.push(await lab.temporaryFiles());
    const end = lab.simulator.onCall(async () => {
      await look();
    });
    await driver.backupVolume({ ...backup, id: 'streamed' }, volume);
    await driver.restoreBackup({ ...backup, id: 'streamed' }, volume);
    end();
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.flat()).toEqual([]);
  });
});

test('one that cannot be deleted costs no backup and hides no error; recover() deletes it', async () => {
  const tmpDir = join(lab.directory, 'tmp');
  const aside = join(lab.directory, 'aside');
  await mkdir(tmpDir);
  const warnings: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => warnings.push(message) };
  let fails = false;
  const service = filesOnly(lab.service, {
    async backup() {
      await rename(tmpDir, aside);
      await writeFile(tmpDir, '');
      if (fails) throw new Error('the store is down');
    },
  });
  const driver = lab.driverWith({ config: { tmpDir }, service, logger });
  const leftAfter = async (): Promise<string[]> => {
    await rm(tmpDir);
    await rename(aside, tmpDir);
    return readdir(tmpDir);
  };

  await driver.backupVolume({ ...backup, id: 'x' }, volume);
  expect(await leftAfter()).toHaveLength(1);
  fails = true;
  expect(await refusal(() => driver.backupVolume({ ...backup, id: 'x' }, volume))).toMatchObject({
    code: 'BACKUP_SERVICE_FAILED',
    message: 'the backup service failed: the store is down',
    cleanup: 'pending',
  });
  const left = await leftAfter();
  expect(left).toHaveLength(2);
  expect(warnings).toEqual(Array(2).fill('a temporary file could not be deleted; recover() will'));

  // A directory in the place of one is deleted as well.
  await rm(join(tmpDir, left[0]!));
  await mkdir(join(tmpDir, left[0]!));
  const { temporaryFiles } = await driver.recover({ olderThanMs: 0 });
  expect(temporaryFiles.toSorted()).toEqual(left.map((name) => join(tmpDir, name)).sort());
  expect(await readdir(tmpDir)).toEqual([]);
});

test('a restore whose temporary file cannot be deleted says that something is left', async () => {
  const tmpDir = join(lab.directory, 'kept');
  const aside = join(lab.directory, 'kept-aside');
  await mkdir(tmpDir);
  const driver = lab.driverWith({ config: { tmpDir }, service: filesOnly(lab.service) });
  const end = lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== 'after' || call.method !== 'HttpNfcLeaseComplete') return;
    end();
    await rename(tmpDir, aside);
    await writeFile(tmpDir, '');
  });
  expect(await driver.restoreBackup(backup, volume)).toMatchObject({ cleanup: 'pending' });
  await rm(tmpDir);
  await rename(aside, tmpDir);
  expect((await driver.recover({ olderThanMs: 0 })).temporaryFiles).toHaveLength(1);
  expect(await readdir(tmpDir)).toEqual([]);
});

needing(process.getuid?.() === 0, 'only root can make directories of others').test(
  'a directory of somebody else with the name of one is not emptied',
  async () => {
    const path = join(lab.tmpDir, 'vmdk-driver-999999-planted.vmdk');
    await mkdir(path);
    await writeFile(join(path, 'link-to-be'), '');
    await chown(path, 12_345, 12_345);
    await utimes(path, 0, 0);
    expect((await lab.driver.recover({ olderThanMs: 0 })).temporaryFiles).toEqual([]);
    expect(await readdir(path)).toEqual(['link-to-be']);
    await rm(path, { recursive: true });
  },
);

needing(existsSync('/proc/self/fd'), 'no descriptor can be closed behind its back').test(
  'one that can be neither written nor closed fails with what came first',
  async () => {
    const path = join(lab.tmpDir, 'broken');
    await writeFile(path, '');
    const sink = await openFileSink(path);
    const opened = readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === path);
    for (const fd of opened) closeSync(Number(fd));
    const work = async (): Promise<void> => {
      await using broken = sink;
      await broken.write(Buffer.from('x'));
    };
    await expect(work()).rejects.toMatchObject({ code: 'EBADF', syscall: 'write' });
    await rm(path);
  },
);

/** Where a link leads, if it is there by now. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

test('no file is remembered that is gone: a list of them would grow for as long as the process lives', async () => {
  const program = `
    import { writeFileSync } from 'node:fs';
    import tmp from 'tmp';
    import { createTemporaryFile } from './src/driver/temporary-file.ts';
    import { silentLogger } from './src/logger.ts';
    import { Leftovers } from './src/operation/leftovers.ts';
    const file = await createTemporaryFile(${JSON.stringify(lab.tmpDir)}, 0, { logger: silentLogger, leftovers: new Leftovers() });
    await file[Symbol.asyncDispose]();
    writeFileSync(file.path, '');
    // When the process ends, tmp deletes what it remembers.
    tmp.setGracefulCleanup();
  `;
  const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '-e', program];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const left = await readdir(lab.tmpDir);
  expect(left).toHaveLength(1);
  await rm(join(lab.tmpDir, left[0]!));
});

describe('config.tmpDir that cannot be used: refused, nothing changed', () => {
  async function refusals(tmpDir: string, service: BackupService = filesOnly(lab.service)) {
    const driver = lab.driverWith({ config: { tmpDir }, service });
    const unborn = { id: randomUUID(), size: 1 };
    return [
      await lab.refusedUnchanged(() => driver.backupVolume({ ...backup, id: 'x' }, volume)),
      await lab.refusedUnchanged(() => driver.backupVolume({ id: 'x', volumeId: unborn.id }, unborn)),
      await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume)),
      await lab.refusedUnchanged(() => driver.restoreBackup(backup, unborn)),
      await lab.refusedUnchanged(() => driver.verifyBackup(backup)),
    ].map(({ code }) => code);
  }
  const unusable = Array<string>(5).fill('TEMPORARY_DIRECTORY_UNUSABLE');

  test('it is missing', async () => {
    expect(await refusals(join(lab.tmpDir, 'missing'))).toEqual(unusable);
  });

  test('it is a file', async () => {
    const path = join(lab.directory, 'a-file');
    await writeFile(path, '');
    expect(await refusals(path)).toEqual(unusable);
  });

  test('it is a link to itself', async () => {
    const path = join(lab.directory, 'circle');
    await symlink(path, path);
    expect(await refusals(path)).toEqual(unusable);
  });

  const isRoot = process.getuid?.() === 0;
  needing(!isRoot, 'root may write anywhere').test('it is not writable', async () => {
    const path = join(lab.directory, 'read-only');
    await mkdir(path, { mode: 0o500 });
    expect(await refusals(path)).toEqual(unusable);
  });

  needing(process.platform !== 'win32', 'Windows has no such modes').test(
    'anybody may replace files in it: warned about, once, when the driver is made',
    async () => {
      const warned = async (mode: number): Promise<number> => {
        await chmod(tmpDir, mode);
        const warn = jest.fn();
        lab.driverWith({ config: { tmpDir }, logger: { ...silentLogger, warn } });
        return warn.mock.calls.length;
      };
      const tmpDir = join(lab.tmpDir, 'open');
      await mkdir(tmpDir);
      expect([await warned(0o777), await warned(0o1777), await warned(0o770), await warned(0o700)]).toEqual([
        1, 0, 0, 0,
      ]);
      await rm(tmpDir, { recursive: true });
    },
  );

  test('a stream needs none', async () => {
    const driver = lab.driverWith({ config: { tmpDir: join(lab.tmpDir, 'missing') } });
    await expect(driver.backupVolume({ ...backup, id: 'no-tmp' }, volume)).resolves.toMatchObject({
      capacityBytes: manifest.capacityBytes,
    });
  });

  test('it has less free than a thick disk may need: refused before a byte moves', async () => {
    const { bavail, bsize } = await statfs(lab.tmpDir);
    const size = Math.ceil((bavail * bsize) / 2 ** 30) + 10;
    const huge = await lab.addVolume({ size }, someContent(), { provisioning: 'thick' });
    const driver = lab.driverWith({ config: file });
    const transfers = lab.callsOf('ExportVm');
    const error = await lab.refusedUnchanged(() => driver.backupVolume({ id: 'x', volumeId: huge.id }, huge));
    expect(error).toMatchObject({ code: 'NO_TEMPORARY_SPACE', retryable: true });
    expect(lab.callsOf('ExportVm')).toBe(transfers);
    await lab.simulator.removeVm(lab.vmOf(huge).name);
  });
});

/** A real file system of 256 KiB. */
function tinyFileSystem() {
  const path = mkdtempSync(join(tmpdir(), 'tiny-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path]).status === 0;
  const remove = (): void => {
    if (mounted) spawnSync('umount', [path]);
    rmSync(path, { recursive: true });
  };
  return { path, mounted, remove };
}

describe('config.tmpDir that runs full', () => {
  const tiny = tinyFileSystem();
  afterAll(() => tiny.remove());
  const withTiny = needing(tiny.mounted, 'only root can mount a file system to fill');

  withTiny.test(
    'the disk was said to take less than its stream does, or the service says nothing of the length',
    async () => {
      const large = await lab.addVolume({}, randomBytes(1_000_000));
      const kept = await lab.driver.backupVolume({ id: 'large', volumeId: large.id }, large);

      const silent = filesOnly(lab.service, { readManifest: async () => undefined });
      const driver = lab.driverWith({ config: { tmpDir: tiny.path }, service: silent });
      for (const operate of [
        () => driver.backupVolume({ id: 'large', volumeId: large.id }, large),
        () => driver.restoreBackup({ id: 'large', volumeId: large.id }, large),
        () => driver.restoreBackup({ id: 'large', volumeId: large.id }, large, { manifest: kept }),
        () => driver.verifyBackup({ id: 'large', volumeId: large.id }),
      ]) {
        expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'NO_TEMPORARY_SPACE', retryable: true });
        expect(await readdir(tiny.path)).toEqual([]);
      }
    },
  );
});

describe('recover() sweeps the temporary files of dead processes, and no other', () => {
  test('by the process id in their names, and their age', async () => {
    const living = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const names = {
      dead: `vmdk-driver-${dead}-aaaaaaaaaaaa-.vmdk`,
      young: `vmdk-driver-${dead}-bbbbbbbbbbbb-.vmdk`,
      living: `vmdk-driver-${living.pid}-cccccccccccc-.vmdk`,
      predecessor: `vmdk-driver-${process.pid}-dddddddddddd-.vmdk`,
      foreign: `other-${dead}-eeeeeeeeeeee-.vmdk`,
      lookalike: `vmdk-driver-notes.vmdk`,
    };
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const [key, name] of Object.entries(names)) {
      await writeFile(join(lab.tmpDir, name), 'x');
      if (key !== 'young') await utimes(join(lab.tmpDir, name), longAgo, longAgo);
    }
    const sweep = () => lab.driver.recover({ olderThanMs: 60_000 });

    // An operation of this very process has its file all the while.
    let duringBackup: readonly string[] = [];
    const service = filesOnly(lab.service, {
      backup: async (_backup, { path }) => {
        await utimes(path, longAgo, longAgo);
        duringBackup = (await sweep()).temporaryFiles;
        await stat(path);
      },
    });
    await lab.driverWith({ service }).backupVolume({ ...backup, id: 'meanwhile' }, volume);
    living.kill();

    expect(duringBackup.toSorted()).toEqual(
      [names.dead, names.predecessor].map((name) => join(lab.tmpDir, name)).sort(),
    );
    const { young, living: ofLiving, foreign, lookalike } = names;
    expect((await lab.temporaryFiles()).sort()).toEqual([young, ofLiving, foreign, lookalike].sort());
    for (const name of await lab.temporaryFiles()) await rm(join(lab.tmpDir, name));
    expect(await sweep()).toEqual({ restores: [], temporaryFiles: [] });
  });
});
