import { withMethods } from '../live-input.js';
import type { BackupService } from '../services/backup-service.js';
import type { VimSession } from '../vim/vim-session.js';

/** What the application hands over to be called. It is checked when it is handed over, not when it is first called. */

export const vimSessionSchema = withMethods<VimSession>(['invoke', 'download', 'upload']);

export const backupServiceSchema = withMethods<BackupService>(
  ['backup', 'restore'],
  ['delete', 'readManifest', 'openBackup', 'openRestore'],
);
