import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** A worker thread of this library could not be started, or ended of itself: out of memory, or a limit on threads. */
export class ThreadError extends VmdkDriverError {
  static override readonly brand: string = 'ThreadError';
  readonly code = 'THREAD_FAILED';

  constructor(message: string, details?: ErrorDetails) {
    super(message, { retryable: true, ...details });
  }
}
