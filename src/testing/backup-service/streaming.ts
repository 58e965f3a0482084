import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import type { CheckOf } from '../check.js';
import { assertBytes } from '../digest.js';
import { manifestOf, newBackup } from './sample-backup.js';
import type { ServiceLab } from './service-lab.js';

const mebibyte = 1024 * 1024;
const chunkLengths = [1009, 65_536, mebibyte, 10 * mebibyte];

/** `openBackup`. */
const taking: readonly CheckOf<ServiceLab>[] = [
  ...chunkLengths.map((chunkLength) => ({
    name: `takes a stream in chunks of ${chunkLength} bytes`,
    check: async (lab: ServiceLab) => {
      const backup = newBackup();
      const bytes = randomBytes(3 * mebibyte + 1);
      await lab.storeStream(backup, bytes, chunkLength);
      await lab.expectBytes(backup, bytes);
    },
  })),
  {
    name: 'takes chunks of different lengths, empty ones too',
    check: async (lab) => {
      const backup = newBackup();
      const chunks = [5, 0, 2 * mebibyte, 1, mebibyte - 7, mebibyte, 0, 3].map((length) => randomBytes(length));
      const writer = await lab.open(backup);
      for (const chunk of chunks) await writer.write(chunk);
      const bytes = Buffer.concat(chunks);
      await writer.commit(manifestOf(backup, bytes));
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'has done with a chunk when it asks for the next',
    check: async (lab) => {
      const backup = newBackup();
      const writer = await lab.open(backup);
      const written: Buffer[] = [];
      for (const length of [100_000, mebibyte, 2 * mebibyte + 5, 70_000]) {
        const chunk = randomBytes(length);
        written.push(Buffer.from(chunk));
        await writer.write(chunk);
        chunk.fill(0);
      }
      const bytes = Buffer.concat(written);
      await writer.commit(manifestOf(backup, bytes));
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'shows nothing of a stream before it is committed',
    check: async (lab) => {
      const [replaced, fresh] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await lab.store(replaced, bytes);
      for (const backup of [replaced, fresh]) {
        const writer = await lab.open(backup);
        await writer.write(randomBytes(2 * mebibyte));
        if (backup === fresh) await lab.expectNoBackup(backup);
        else await lab.expectBytes(backup, bytes);
        await writer.abort();
      }
    },
  },
  {
    name: 'leaves nothing of a stream that was given up, however often, and keeps what it had',
    check: async (lab) => {
      const [replaced, fresh] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await lab.store(replaced, bytes);
      for (const backup of [replaced, fresh]) {
        const writer = await lab.open(backup);
        await writer.write(randomBytes(2 * mebibyte));
        await writer.abort();
        await writer.abort();
      }
      await lab.expectBytes(replaced, bytes);
      await lab.expectNoBackup(fresh);
    },
  },
  {
    name: 'takes nothing after a writer has ended',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      const aborted = await lab.open(backup);
      await aborted.write(bytes);
      await aborted.abort();
      const committed = await lab.open(backup);
      await committed.write(bytes);
      await committed.commit(manifestOf(backup, bytes));
      for (const writer of [aborted, committed]) {
        await assert.rejects(writer.write(bytes));
        await assert.rejects(writer.commit(manifestOf(backup, bytes)));
        await writer.abort();
      }
      await lab.expectBytes(backup, bytes);
    },
  },
  {
    name: 'takes nothing after the signal, and shows nothing of it',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      const controller = new AbortController();
      const writer = await lab.open(backup, controller.signal);
      await writer.write(bytes);
      controller.abort();
      await assert.rejects(writer.write(bytes));
      await assert.rejects(writer.commit(manifestOf(backup, bytes)));
      await writer.abort();
      await lab.expectNoBackup(backup);
    },
  },
];

/** `openRestore`. */
const giving: readonly CheckOf<ServiceLab>[] = [
  {
    name: 'gives a stream of what came as a file',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(3 * mebibyte + 1);
      await lab.store(backup, bytes);
      assertBytes(await lab.streamed(backup), bytes, 'the stream');
    },
  },
  {
    name: 'has no stream of a backup it was never given',
    check: async (lab) => {
      await assert.rejects(lab.streamed(newBackup()), { code: 'BACKUP_NOT_FOUND' });
    },
  },
  {
    name: 'ends a stream with an error when it is aborted',
    check: async (lab) => {
      const backup = newBackup();
      const length = 24 * mebibyte;
      await lab.store(backup, randomBytes(length));
      const controller = new AbortController();
      assert.ok(lab.service.openRestore !== undefined);
      const { stream } = await lab.service.openRestore(backup, { signal: controller.signal });
      let received = 0;
      await assert.rejects(async () => {
        for await (const chunk of stream) {
          received += (chunk as Uint8Array).length;
          controller.abort();
        }
      });
      assert.ok(received < length, 'all of the backup came all the same');
    },
  },
];

const both: readonly CheckOf<ServiceLab>[] = [
  {
    name: 'gives a stream of what came as a stream',
    check: async (lab) => {
      const backup = newBackup();
      const bytes = randomBytes(100_000);
      await lab.storeStream(backup, bytes, 65_536);
      assertBytes(await lab.streamed(backup), bytes, 'the stream');
    },
  },
];

/** `openBackup` and `openRestore`. */
export const streaming: readonly CheckOf<ServiceLab>[] = [
  ...taking.map((check) => ({ ...check, applies: (lab: ServiceLab) => lab.takesStreams })),
  ...giving.map((check) => ({ ...check, applies: (lab: ServiceLab) => lab.givesStreams })),
  ...both.map((check) => ({ ...check, applies: (lab: ServiceLab) => lab.takesStreams && lab.givesStreams })),
];
