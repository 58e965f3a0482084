/**
 * Backs up and restores VMware volumes: the driver and the interfaces it is given.
 *
 * @packageDocumentation
 */
export { VmdkDriver, type ManifestOptions, type RecoverOptions, type VmdkDriverOptions } from './driver/vmdk-driver.js';
export type { OperationOptions } from './operation/options.js';
export type { OperationName, Progress } from './operation/progress.js';
export type { OperationTrace, TransferTrace } from './operation/tracing.js';
export type { RecoveredRestore, RecoveryReport } from './driver/recover.js';
export type { RestoreResult } from './driver/restore-backup.js';
export type { VerificationReport } from './driver/verify-backup.js';
export type { VmdkDriverConfig } from './operation/driver-config.js';
export type { TransferSlots } from './operation/transfer-slots.js';
export * from './errors/index.js';
export type { Logger } from './logger.js';
export type { IsAlive, OwnerInfo } from './driver/is-taken-for-alive.js';
export type { Resolution } from './restore/ending.js';
export {
  parseBackupManifest,
  type AdapterType,
  type CinderAdapterType,
  type Backup,
  type BackupManifest,
  type BackupMetadata,
  type BackupService,
  type BackupWriter,
  type DiskMode,
  type DiskProvisioning,
  type ListOptions,
  type ServiceBackupOptions,
  type ServiceOptions,
  type ServiceRestoreOptions,
  type ServiceProgress,
  type StoredBackup,
  type UnreadableBackup,
  type VolumeFile,
} from './services/index.js';
export type { MoRef, VimObject } from './vim/schema/index.js';
export type { AbortableOptions, Download, TransferOptions, UploadOptions, VimSession } from './vim/vim-session.js';
export type { VmdkInfo, VmdkLayout } from './vmdk/index.js';
export type { Volume, VolumeType } from './model/volume.js';
