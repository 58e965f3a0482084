import { randomBytes } from 'node:crypto';
import type { Backup, BackupManifest } from '../../services/index.js';
import { digest } from '../digest.js';

/** A backup no service has seen. */
export function newBackup(): Backup {
  return { id: `backup-${randomBytes(8).toString('hex')}`, volumeId: 'volume-1', size: 1 };
}

/** The manifest the driver would give with these bytes. */
export function manifestOf(backup: Backup, bytes: Uint8Array): BackupManifest {
  return {
    formatVersion: 1,
    backupId: backup.id,
    volumeId: backup.volumeId,
    diskFormat: 'streamOptimized',
    streamBytes: bytes.length,
    sha256: digest(bytes),
    capacityBytes: 1024 ** 3,
    provisioning: 'thin',
    adapterType: 'lsiLogic',
    startedAt: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:05:06.789Z',
  };
}
