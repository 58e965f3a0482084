import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/**
 * What is known of a call that got no reply: `not-sent`, the server never saw it; `unknown`, it may have been carried
 * out.
 */
export type CallOutcome = 'not-sent' | 'unknown';

/** The vSphere server could not be reached, or a call's reply was lost. */
export class VimConnectionError extends VmdkDriverError {
  static override readonly brand: string = 'VimConnectionError';
  readonly code = 'VIM_CONNECTION_FAILED';
  readonly outcome: CallOutcome;

  constructor(message: string, outcome: CallOutcome, details?: ErrorDetails) {
    super(message, { retryable: true, ...details });
    this.outcome = outcome;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), outcome: this.outcome };
  }
}
