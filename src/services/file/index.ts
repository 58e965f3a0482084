export { FileBackupService, type FileBackupServiceOptions } from './file-backup-service.js';
