import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { backupServiceChecks } from '../../../src/testing/index.js';
import { describeChecks } from '../../testing/describe-checks.js';

describeChecks(
  'FileBackupService',
  backupServiceChecks(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'file-backup-service-'));
    return {
      service: new FileBackupService({ directory }),
      close: async () => {
        const names = await readdir(directory);
        await rm(directory, { recursive: true });
        // After every check: one record and one data file for each backup, and nothing else.
        const keys = (suffix: string) =>
          names.filter((name) => name.endsWith(suffix)).map((name) => name.split('.')[0]);
        expect(keys('.vmdk')).toEqual(keys('.json'));
        expect(names).toHaveLength(2 * keys('.json').length);
      },
    };
  }),
);
