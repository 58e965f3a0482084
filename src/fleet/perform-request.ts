import { type Backup, InvalidInputError, type IsAlive, type OperationOptions } from '../index.js';
import type { FleetDriver, FleetRepository } from './fleet-driver.js';
import type { BackupRequest, JobRequest } from './job-request.js';

/** What a request is performed with. */
export interface Means extends OperationOptions {
  readonly driver: FleetDriver;
  readonly repository: FleetRepository | undefined;
  readonly isAlive: IsAlive;
  readonly signal: AbortSignal;
  /** When a scheduled run was due. */
  readonly dueAt: Date | undefined;
}

/** Has the driver do what a request asks for; resolves to what that comes to. */
export async function performRequest(request: JobRequest, means: Means): Promise<unknown> {
  const { driver, repository, isAlive, signal, onProgress } = means;
  const options = { signal, onProgress };
  switch (request.kind) {
    case 'backup':
      return driver.backupVolume(backupOf(request, means.dueAt), request.volume, options);
    case 'restore': {
      const { backup, volume, manifest } = request;
      return driver.restoreBackup({ ...backup, volumeId: backup.volumeId ?? volume.id }, volume, {
        ...options,
        manifest,
      });
    }
    case 'verify': {
      const { backup, manifest } = request;
      return driver.verifyBackup({ ...backup }, { ...options, manifest });
    }
    case 'recover':
      return driver.recover({ ...options, isAlive, olderThanMs: request.olderThanMs });
    case 'retention': {
      if (repository === undefined) {
        throw new InvalidInputError('repositories', `has none for ${request.vcenter}: startWorker was given none`);
      }
      const { policy, volumeId, dryRun } = request;
      return { decisions: await repository.applyRetention(policy, { volumeId, dryRun, signal }) };
    }
  }
}

/** A scheduled run makes a backup of its own, whose id is the same each time that the run is taken up. */
function backupOf({ volume, backup }: BackupRequest, dueAt: Date | undefined): Backup {
  if (backup !== undefined) return { size: volume.size, ...backup, volumeId: volume.id };
  if (dueAt === undefined) throw new InvalidInputError('request.backup', 'is missing, and the job is no scheduled one');
  const time = dueAt.toISOString().replace(/[-:]|\.\d+/g, '');
  return { size: volume.size, id: `${volume.id}-${time}`, volumeId: volume.id };
}
