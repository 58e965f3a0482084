import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { describeBackupService } from '../backup-service-contract.js';

describeBackupService(
  'FileBackupService',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'file-backup-service-'));
    return {
      service: new FileBackupService({ directory }),
      close: async () => {
        const names = await readdir(directory);
        await rm(directory, { recursive: true });
        // After every test: one record and one data file for each backup, and nothing else.
        const keys = (suffix: string) =>
          names.filter((name) => name.endsWith(suffix)).map((name) => name.split('.')[0]);
        expect(keys('.vmdk')).toEqual(keys('.json'));
        expect(names).toHaveLength(2 * keys('.json').length);
      },
    };
  },
  { delete: true, manifests: true, streams: true },
);
