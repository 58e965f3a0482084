import { withoutSecrets } from './known-secrets.js';
import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** A peer's certificate is not trusted: it has another thumbprint than expected, or no trusted chain. Nothing was sent. */
export class TlsVerificationError extends VmdkDriverError {
  static override readonly brand: string = 'TlsVerificationError';
  readonly code = 'TLS_VERIFICATION_FAILED';
  /** `host:port` of the peer. */
  readonly peer: string;
  /** The thumbprint that was expected, where one was. */
  readonly expected: string | undefined;
  /** The thumbprint of the certificate the peer showed, in the same form, where it showed one. */
  readonly actual: string | undefined;

  constructor(peer: string, message: string, pins: { expected?: string; actual?: string }, details?: ErrorDetails) {
    super(`${peer}: ${message}`, details);
    // A server may put anything where a thumbprint is looked for.
    this.peer = withoutSecrets(peer);
    this.expected = pins.expected && withoutSecrets(pins.expected);
    this.actual = pins.actual && withoutSecrets(pins.actual);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), peer: this.peer, expected: this.expected, actual: this.actual };
  }
}
