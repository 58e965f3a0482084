import type { BackupService } from '../services/index.js';
import { keeping } from './backup-service/keeping.js';
import { ServiceLab } from './backup-service/service-lab.js';
import { storing } from './backup-service/storing.js';
import { streaming } from './backup-service/streaming.js';
import { type Check, runnable } from './check.js';

/** A service for one check. */
export interface BackupServiceUnderTest {
  readonly service: BackupService;
  /** Called after the check. */
  readonly close?: (() => Promise<void>) | undefined;
}

/**
 * What every {@link BackupService} has to do. The checks use random backup ids, so that all may share one service; they leave their
 * backups there.
 *
 * Which of them apply is told by the optional methods the service has; the others resolve to `skipped`.
 *
 * @param make makes the service for one check, with or without what closes it
 */
export function backupServiceChecks(
  make: () => BackupService | BackupServiceUnderTest | Promise<BackupService | BackupServiceUnderTest>,
): Check[] {
  const open = async () => {
    const made = await make();
    // By what it can do: a service may keep another in a field of any name.
    return 'backup' in made
      ? ServiceLab.create(made, () => Promise.resolve())
      : ServiceLab.create(made.service, async () => made.close?.());
  };
  return runnable([...storing, ...keeping, ...streaming], open, (lab) => lab.close());
}
