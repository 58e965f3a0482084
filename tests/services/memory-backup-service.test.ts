import { backupServiceChecks } from '../../src/testing/index.js';
import { describeChecks } from '../testing/describe-checks.js';
import { MemoryBackupService } from './memory-backup-service.js';

describeChecks(
  'MemoryBackupService',
  backupServiceChecks(() => new MemoryBackupService()),
);
