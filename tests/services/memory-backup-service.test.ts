import { describeBackupService } from './backup-service-contract.js';
import { MemoryBackupService } from './memory-backup-service.js';

describeBackupService('MemoryBackupService', async () => ({ service: new MemoryBackupService() }), {
  delete: true,
  manifests: true,
  streams: true,
});
