import type { BackupService } from '../index.js';

function refuse(): never {
  throw new Error('this command does not use a store');
}

/** For commands that need a driver and no store. */
export const noService: BackupService = { backup: refuse, restore: refuse };
