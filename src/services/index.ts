export type { Backup } from '../model/backup.js';
export { parseBackupManifest, type BackupManifest, type BackupMetadata } from '../model/backup-manifest.js';
export { type AdapterType, type CinderAdapterType, type DiskMode, type DiskProvisioning } from '../model/disk-kinds.js';
export type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  ServiceRestoreOptions,
  ServiceProgress,
  VolumeFile,
} from './backup-service.js';
export type { ListOptions, StoredBackup, UnreadableBackup } from './listed-backup.js';
export { ObjectBackupService, type ObjectBackupServiceOptions } from './object/object-backup-service.js';
export { RbdBackupService, type RbdBackupServiceOptions } from './rbd/rbd-backup-service.js';
export { TsmBackupService, type TsmBackupServiceOptions } from './tsm/tsm-backup-service.js';
export { FileBackupService, type FileBackupServiceOptions } from './file/index.js';
