import type { VmdkDriver } from '../index.js';
import type { RepositoryBackupService } from '../repository/index.js';

/** What a worker uses of a driver. */
export type FleetDriver = Pick<VmdkDriver, 'backupVolume' | 'restoreBackup' | 'verifyBackup' | 'recover' | 'ownerId'>;

/** What a worker uses of a repository. */
export type FleetRepository = Pick<RepositoryBackupService, 'applyRetention'>;
