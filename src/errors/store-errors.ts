import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/**
 * Why a store did not do what it was asked for.
 *
 * - `credentials`: it refused key, password or token
 * - `denied`: it knows the caller, who may not do this
 * - `clock-skew`: it refused the request's time; this machine's clock or its own is wrong
 * - `no-container`: the bucket, the container, the pool or the directory is not there
 * - `quota`: no room is left, or none that may be used
 * - `too-large`: the object is larger than it takes
 * - `throttled`: it asks for fewer requests
 * - `unavailable`: it is there and does not work: an HTTP status of 5xx
 * - `connection`: it could not be reached, or the connection broke
 * - `stalled`: no byte moved for the whole of the stall timeout
 * - `tls`: its certificate is not trusted
 * - `integrity`: the bytes that arrived are not the ones that were sent
 * - `no-retention`: it has no locks for an object that was to be locked, or took it and did not lock it
 * - `retained`: the object is locked
 * - `protocol`: an answer that its interface does not have
 * - `failed`: anything else; the message says what
 */
export type StoreFailure =
  | 'credentials'
  | 'denied'
  | 'clock-skew'
  | 'no-container'
  | 'quota'
  | 'too-large'
  | 'throttled'
  | 'unavailable'
  | 'connection'
  | 'stalled'
  | 'tls'
  | 'integrity'
  | 'no-retention'
  | 'retained'
  | 'protocol'
  | 'failed';

/** After these the same request may succeed later, without anyone changing anything. */
const transient: readonly StoreFailure[] = ['throttled', 'unavailable', 'connection', 'stalled', 'integrity'];

/** An object store, or a program that reaches one, failed. `retryAfterMs` is how long the store asks to be left alone. */
export class StoreError extends VmdkDriverError {
  static override readonly brand: string = 'StoreError';
  readonly code = 'STORE_FAILED';
  readonly reason: StoreFailure;
  /** The HTTP status, where the store answered with one. */
  readonly status: number | undefined;

  constructor(
    reason: StoreFailure,
    message: string,
    details: ErrorDetails & { readonly status?: number | undefined } = {},
  ) {
    super(message, { retryable: transient.includes(reason), ...details });
    this.reason = reason;
    this.status = details.status;
  }

  override toJSON(): Record<string, unknown> {
    const { reason, status } = this;
    return { ...super.toJSON(), reason, ...(status === undefined ? {} : { status }) };
  }
}

/** The object store has no object of this key. */
export class ObjectNotFoundError extends VmdkDriverError {
  static override readonly brand: string = 'ObjectNotFoundError';
  readonly code = 'OBJECT_NOT_FOUND';
  readonly key: string;

  constructor(key: string, details?: ErrorDetails) {
    super(`there is no object ${key}`, details);
    this.key = key;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), key: this.key };
  }
}
