import type { ServiceProgress } from '../services/backup-service.js';
import type { ProgressReporter } from './progress.js';

/** Passes a service's own progress on. */
export function serviceProgress(progress: ProgressReporter): (progress: ServiceProgress) => void {
  return ({ bytesDone, bytesTotal }) => {
    progress.advance({ bytesDone, streamBytes: bytesDone, ...(bytesTotal === undefined ? {} : { bytesTotal }) });
  };
}
