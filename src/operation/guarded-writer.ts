import { boundedCall, graceMs } from '../bounded-call.js';
import { type BackupWriter, takesByValue } from '../services/backup-service.js';
import { serviceCall, serviceError, type ServiceGuard } from './service-call.js';
import { parseMetadata } from './service-metadata.js';

/**
 * A backup service's writer, made trustworthy. Its `abort` waits for a write that is under way, does nothing where the backup
 * is stored already, and rejects where the service did not drop what it had within the grace.
 *
 * @throws BackupServiceError where it is no writer
 */
export function guardWriter(guard: ServiceGuard, value: unknown): BackupWriter {
  const writer = parseWriter(guard, value);
  let writing: Promise<unknown> = Promise.resolve();
  let committed = false;
  return {
    ...(takesByValue in writer && { [takesByValue]: true }),

    write: (chunk) =>
      serviceCall(guard, 'write()', () => {
        const written = Promise.resolve(writer.write(chunk));
        writing = written.catch(() => undefined);
        return written;
      }),

    async commit(manifest) {
      const metadata = await serviceCall(guard, 'commit()', () => writer.commit({ ...manifest }));
      committed = true;
      return parseMetadata('commit()', metadata);
    },

    async abort() {
      if (committed) return;
      await boundedCall({ call: () => writing, onTimeUp: () => serviceError('write() did not end') }).catch(
        () => undefined,
      );
      await boundedCall({
        call: () => writer.abort(),
        onTimeUp: () => serviceError(`abort() did not end within ${graceMs} ms`),
      });
    },
  };
}

/** Ends a writer that came when nobody waited for it any more. */
export function dropWriter({ logger }: Pick<ServiceGuard, 'logger'>, value: unknown): void {
  const call = async (): Promise<void> => {
    const { abort } = (value ?? {}) as { abort?: unknown };
    if (typeof abort === 'function') await abort.call(value);
  };
  boundedCall({ call, onTimeUp: () => serviceError('abort() did not end') }).catch((error: unknown) => {
    logger.warn({ err: error }, 'the backup service could not drop a backup that was begun too late');
  });
}

/** What is no writer may have begun a backup all the same. */
function parseWriter(guard: ServiceGuard, value: unknown): BackupWriter {
  try {
    if (isWriter(value)) return value;
    throw serviceError('openBackup() gave no writer: an object with write(), commit() and abort()');
  } catch (error) {
    dropWriter(guard, value);
    throw error;
  }
}

function isWriter(value: unknown): value is BackupWriter {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const methods = value as Readonly<Record<string, unknown>>;
  return ['write', 'commit', 'abort'].every((name) => typeof methods[name] === 'function');
}
