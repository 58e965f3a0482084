import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { ObjectBackupService } from '../../../src/services/index.js';
import { FileObjectStore, type ObjectStore } from '../../../src/stores/index.js';
import { backupServiceChecks } from '../../../src/testing/index.js';
import { describeChecks } from '../../testing/describe-checks.js';
import { MemoryObjectStore } from '../../testing/memory-object-store.js';
import { describeHashedBytes } from '../hashed-elsewhere.js';
import { expectNothingLeft } from './leftovers.js';

describeChecks(
  'ObjectBackupService in memory',
  backupServiceChecks(() => {
    const store: ObjectStore = new MemoryObjectStore();
    const service = new ObjectBackupService({ store });
    return { service, close: () => expectNothingLeft(store, service) };
  }),
);

describeChecks(
  'ObjectBackupService on FileObjectStore',
  backupServiceChecks(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'object-backup-service-'));
    const store = new FileObjectStore({ directory });
    return {
      service: new ObjectBackupService({ store }),
      close: async () => {
        for await (const { key } of store.list('attempts/')) expect(key).not.toMatch(/clock/);
        await rm(directory, { recursive: true });
      },
    };
  }),
);

const directory = mkdtempSync(join(tmpdir(), 'object-backup-service-'));
afterAll(() => rmSync(directory, { recursive: true }));
const service = new ObjectBackupService({ store: new MemoryObjectStore() });
describeHashedBytes(
  () => service,
  () => directory,
);
