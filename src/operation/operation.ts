import type { Logger } from '../logger.js';
import type { BackupService } from '../services/backup-service.js';
import type { VimSession } from '../vim/vim-session.js';
import type { ResolvedConfig } from './driver-config.js';
import type { Leftovers } from './leftovers.js';
import type { ProgressReporter } from './progress.js';
import type { TransferSlots } from './transfer-slots.js';

/** What the steps of one operation share. */
export interface Operation {
  readonly vim: VimSession;
  readonly backupService: BackupService;
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly slots: TransferSlots;
  readonly progress: ProgressReporter;
  readonly leftovers: Leftovers;
  readonly signal: AbortSignal;
}
