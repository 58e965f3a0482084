import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckOf } from '../check.js';
import { assertBytes, digest } from '../digest.js';
import { newBackup } from './sample-backup.js';
import type { ServiceLab } from './service-lab.js';

const mebibyte = 1024 * 1024;
const lengths = [1, 511, 65_537, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte + 12_345];

export const storing: readonly CheckOf<ServiceLab>[] = [
  ...lengths.map((length) => ({
    name: `gives back exactly the ${length} bytes it was given`,
    check: async (lab: ServiceLab) => {
      const backup = newBackup();
      const bytes = randomBytes(length);
      await lab.store(backup, bytes);
      await lab.expectBytes(backup, bytes);
    },
  })),
  {
    name: 'keeps zeros, at the end too',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = Buffer.concat([Buffer.alloc(mebibyte), randomBytes(512), Buffer.alloc(mebibyte)]);
      await lab.store(backup, bytes);
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'needs no options',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      await lab.service.backup(backup, await lab.file(bytes));
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'leaves the file it was given as it is',
    check: async (lab) => {
      const bytes = randomBytes(1000);
      const file = await lab.file(bytes);
      await lab.service.backup(newBackup(), file);
      assertBytes(await readFile(file.path), bytes, 'the file');
    },
  },
  {
    name: 'restores as often as asked, and for another volume',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      await lab.store(backup, bytes);
      await lab.expectBytes(backup, bytes);
      assertBytes(await lab.restored(backup, 'another-volume'), bytes, 'what was restored for another volume');
    },
  },
  {
    name: 'knows no backup it was never given',
    check: (lab) => lab.expectNoBackup(newBackup()),
  },
  {
    name: 'keeps backups of one volume apart',
    check: async (lab) => {
      const [first, second] = [newBackup(), newBackup()];
      const bytes = [randomBytes(2000), randomBytes(1000)] as const;
      await lab.store(first, bytes[0]);
      await lab.store(second, bytes[1]);
      await lab.expectBytes(first, bytes[0]);
      await lab.expectBytes(second, bytes[1]);
    },
  },
  {
    name: 'takes different backups at once',
    check: async (lab) => {
      const all = [1, 2, 3, 4].map((n) => ({ backup: newBackup(), bytes: randomBytes(n * 700_000) }));
      await Promise.all(all.map(({ backup, bytes }) => lab.store(backup, bytes)));
      for (const { backup, bytes } of all) await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'ends two calls for the same backup at once in the backup of one of them',
    check: async (lab) => {
      const backup = newBackup();
      const candidates = [randomBytes(1_500_000), randomBytes(2_000_000)];
      const outcomes = await Promise.allSettled(candidates.map((bytes) => lab.store(backup, bytes)));
      assert.ok(outcomes.some(({ status }) => status === 'fulfilled'));
      assert.ok(candidates.map(digest).includes(digest(await lab.restored(backup))));
    },
  },
  {
    name: 'replaces a backup by a shorter one',
    check: async (lab) => {
      const backup = newBackup();
      await lab.store(backup, randomBytes(2 * mebibyte));
      const bytes = randomBytes(1000);
      await lab.store(backup, bytes);
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'stores nothing where the file is missing, and keeps what it had',
    check: async (lab) => {
      const [kept, never] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await lab.store(kept, bytes);
      for (const backup of [kept, never]) {
        await assert.rejects(lab.service.backup(backup, { path: join(lab.directory, 'missing') }));
      }
      await lab.expectBytes(kept, bytes);
      await lab.expectNoBackup(never);
    },
  },
  {
    name: 'stores nothing when it is aborted, and keeps what it had',
    check: async (lab) => {
      const [kept, never] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await lab.store(kept, bytes);
      for (const backup of [kept, never]) {
        const file = await lab.file(randomBytes(3 * mebibyte));
        await assert.rejects(lab.service.backup(backup, file, { signal: AbortSignal.abort() }));
      }
      await lab.expectBytes(kept, bytes);
      await lab.expectNoBackup(never);
    },
  },
  {
    name: 'restores nothing when it is aborted',
    check: async (lab) => {
      const backup = newBackup();
      await lab.store(backup, randomBytes(1000));
      const signal = AbortSignal.abort();
      await assert.rejects(lab.service.restore(backup, backup.volumeId, await lab.file(), { signal }));
    },
  },
];
