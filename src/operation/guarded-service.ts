import { lstat, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { reasonOf } from '../errors/reason-of.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceProgress,
  VolumeFile,
} from '../services/backup-service.js';
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
        () => void rm(file.path, { recursive: true, force: true }).catch(() => undefined),
      );
      await assertRegularFile(file);
    },

    ...(has(service, 'readManifest') && {
      async readManifest(backup, options) {
        const kept = await serviceCall(guard, 'readManifest()', () =>
          service.readManifest?.({ ...backup }, guardOptions(guard, options)),
        );
        // What some call none.
        return kept ?? undefined;
      },
    }),

    ...(has(service, 'openBackup') && {
      async openBackup(backup, options) {
        const open = async (): Promise<BackupWriter> =>
          guardWriter(guard, await service.openBackup?.({ ...backup }, guardOptions(guard, options)));
        return serviceCall(guard, 'openBackup()', open, (late) => {
          dropWriter(guard, late);
        });
      },
    }),

    ...(has(service, 'openRestore') && {
      async openRestore(backup, options) {
        const open = async (): Promise<OpenedRestore> =>
          parseOpened(await service.openRestore?.({ ...backup }, guardOptions(guard, options)));
        return serviceCall(guard, 'openRestore()', open, (late) => late?.stream.destroy());
      },
    }),
  };
}

/** What openRestore() gave. */
interface OpenedRestore {
  readonly stream: Readable;
  readonly length?: number;
}

/** It may be a getter, which throws by now. */
function has(service: BackupService, method: keyof BackupService): boolean {
  try {
    return service[method] !== undefined;
  } catch (error) {
    throw serviceError(reasonOf(error), error);
  }
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

function parseOpened(opened: unknown): OpenedRestore {
  const { stream, length } = (opened ?? {}) as { stream?: unknown; length?: unknown };
  const bytes = byteStream(stream, serviceError);
  if (length === undefined || length === null) return { stream: bytes };
  if (Number.isSafeInteger(length) && isCount(length)) return { stream: bytes, length };
  bytes.destroy();
  throw serviceError('openRestore() gave a length that is not a number of bytes');
}
