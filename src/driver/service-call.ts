import { AbortError, BackupServiceError, VmdkDriverError } from '../errors/index.js';
import type { ServiceProgress } from '../services/backup-service.js';
import type { Operation } from '../operation/operation.js';

/** Calls the injected backup service; whatever it fails with comes out typed. */
export async function ofService<T>({ signal }: Pick<Operation, 'signal'>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (signal.aborted) throw new AbortError(signal);
    if (error instanceof VmdkDriverError) throw error;
    throw new BackupServiceError('the backup service failed', { cause: error });
  }
}

/** Passes a service's own progress on. */
export function serviceProgress({ progress }: Pick<Operation, 'progress'>): (progress: ServiceProgress) => void {
  return ({ bytesDone, bytesTotal }) => {
    progress.advance({ bytesDone, streamBytes: bytesDone, ...(bytesTotal === undefined ? {} : { bytesTotal }) });
  };
}
