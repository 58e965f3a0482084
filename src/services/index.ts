export type { Backup } from './backup.js';
export {
  parseBackupManifest,
  type AdapterType,
  type BackupManifest,
  type BackupMetadata,
  type DiskProvisioning,
} from './backup-manifest.js';
export type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  ServiceProgress,
  VolumeFile,
} from './backup-service.js';
export { FileBackupService, type FileBackupServiceOptions } from './file/index.js';
