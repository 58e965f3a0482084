/**
 * A repository: backups of many volumes on an object store, each grain of a volume stored once.
 *
 * @packageDocumentation
 */
export { RepositoryBackupService, type RepositoryBackupServiceOptions } from './repository-backup-service.js';
export type { RetentionOptions } from './care/apply-retention.js';
export type { GarbageOptions, GarbageReport } from './care/collect-garbage.js';
export type { RetentionDecision, RetentionPolicy } from './care/retention.js';
export type { Damage, VerifyOptions, VerifyReport } from './care/verify.js';
export type { Increment } from './format/record.js';
export type { RepositoryBackup } from './read/list-backups.js';
export type { RepositoryEncryption } from './vault/key-ring.js';
export type { CommitResult } from './write/repository-writer.js';
