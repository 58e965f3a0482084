import { expect, it } from '@jest/globals';
import { ServiceSink } from '../../src/driver/service-sink.js';
import type { Operation } from '../../src/operation/operation.js';
import { manifestOf } from '../../src/testing/backup-service/sample-backup.js';
import { MemoryBackupService } from '../services/memory-backup-service.js';

it('a backup whose stream was never opened cannot be committed, and can be given up', async () => {
  const backup = { id: 'backup-1', volumeId: 'volume-1' };
  const backupService = new MemoryBackupService();
  const sink = new ServiceSink({ backupService } as unknown as Operation, backup);
  await expect(sink.commit(manifestOf(backup, Buffer.from('bytes')))).rejects.toMatchObject({
    code: 'BACKUP_SERVICE_FAILED',
  });
  await sink.abort();
});
