import { lstat, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { BackupService, ServiceBackupOptions, ServiceProgress, VolumeFile } from '../services/backup-service.js';
import { byteStream } from '../stream/byte-stream.js';
import { dropWriter, guardWriter } from './guarded-writer.js';
import { serviceCall, serviceError, type ServiceGuard } from './service-call.js';
import { parseMetadata } from './service-metadata.js';

/**
 * The application's backup service, made trustworthy for one operation: whatever it throws, rejects with, resolves to or never
 * answers, the operation's steps meet a service that keeps its contract or fails with one of the library's errors.
 *
 * A call that goes on for too long after the operation was aborted is left behind ({@link serviceCall}). The service gets
 * copies of what the operation goes on with. Only the optional methods that the service has are there.
 */
export function guardBackupService(service: BackupService, guard: ServiceGuard): BackupService {
  return {
    async backup(backup, file, options) {
      const returned: unknown = await serviceCall(guard, 'backup()', () =>
        service.backup({ ...backup }, { path: file.path }, guardOptions(guard, options)),
      );
      return parseMetadata('backup()', returned);
    },

    async restore(backup, volumeId, file, options) {
      await serviceCall(
        guard,
        'restore()',
        () => service.restore({ ...backup }, volumeId, { path: file.path }, guardOptions(guard, options)),
        // It may have made the file anew after the operation had deleted it.
        () => void rm(file.path, { force: true }).catch(() => undefined),
      );
      await assertRegularFile(file);
    },

    ...(service.readManifest !== undefined && {
      async readManifest(backup, options) {
        const kept = await serviceCall(guard, 'readManifest()', () =>
          service.readManifest?.({ ...backup }, guardOptions(guard, options)),
        );
        // What some call none.
        return kept ?? undefined;
      },
    }),

    ...(service.openBackup !== undefined && {
      async openBackup(backup, options) {
        const writer: unknown = await serviceCall(
          guard,
          'openBackup()',
          () => service.openBackup?.({ ...backup }, guardOptions(guard, options)),
          (late) => {
            dropWriter(guard, late);
          },
        );
        return guardWriter(guard, writer);
      },
    }),

    ...(service.openRestore !== undefined && {
      async openRestore(backup, options) {
        const opened: unknown = await serviceCall(
          guard,
          'openRestore()',
          () => service.openRestore?.({ ...backup }, guardOptions(guard, options)),
          dropOpened,
        );
        return parseOpened(opened);
      },
    }),
  };
}

function guardOptions(guard: ServiceGuard, options: ServiceBackupOptions = {}): ServiceBackupOptions {
  const { signal = guard.signal, manifest, onProgress } = options;
  return {
    signal,
    ...(manifest && { manifest: { ...manifest } }),
    ...(onProgress && { onProgress: countsOnly(onProgress) }),
  };
}

/** Passes a service's progress on where it is one. */
function countsOnly(listener: (progress: ServiceProgress) => void): (progress: ServiceProgress) => void {
  return (progress: unknown) => {
    if (typeof progress !== 'object' || progress === null) return;
    const { bytesDone, bytesTotal } = progress as Partial<Record<keyof ServiceProgress, unknown>>;
    if (isCount(bytesDone)) listener({ bytesDone, ...(isCount(bytesTotal) && { bytesTotal }) });
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** What a service leaves where the file was is read next: a pipe would never end, a link may lead anywhere. */
async function assertRegularFile({ path }: VolumeFile): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isFile() !== true) throw serviceError('restore() left no regular file at the path it was given');
}

function parseOpened(opened: unknown): { readonly stream: Readable; readonly length?: number } {
  const { stream, length } = (opened ?? {}) as { stream?: unknown; length?: unknown };
  const bytes = byteStream(stream, serviceError);
  if (length === undefined || length === null) return { stream: bytes };
  if (Number.isSafeInteger(length) && isCount(length)) return { stream: bytes, length };
  bytes.destroy();
  throw serviceError('openRestore() gave a length that is not a number of bytes');
}

/** Ends a stream that came when nobody waited for it any more. */
function dropOpened(opened: unknown): void {
  try {
    parseOpened(opened).stream.destroy();
  } catch {
    // It gave none.
  }
}
