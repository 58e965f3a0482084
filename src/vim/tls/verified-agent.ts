import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { VmdkDriverError } from '../../errors/index.js';
import type { Peer } from './peer.js';
import type { Trust } from './trust.js';
import { connectVerified } from './verified-connection.js';

/** What became of the connection that one request asked for. */
export interface ConnectionAttempt {
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
  /** Why there is none. */
  failure?: VmdkDriverError;
}

/**
 * An HTTPS agent for one peer, whose connections are checked before a request byte leaves.
 *
 * An HTTP client reports a failed connection in its own words, without the reason's type; {@link during} lets the caller
 * have the reason itself.
 */
export class VerifiedAgent extends Agent {
  readonly #peer: Peer;
  readonly #trust: Trust;
  #attempt: ConnectionAttempt | undefined;

  constructor(peer: Peer, trust: Trust, options: { readonly keepAlive: boolean }) {
    super({ keepAlive: options.keepAlive, maxCachedSessions: 0 });
    this.#peer = peer;
    this.#trust = trust;
  }

  /**
   * Calls `send`, which starts a request synchronously, such that the connection made for it, if one is, belongs to
   * `attempt`.
   */
  during<T>(attempt: ConnectionAttempt, send: () => T): T {
    this.#attempt = attempt;
    try {
      return send();
    } finally {
      this.#attempt = undefined;
    }
  }

  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): undefined {
    const attempt = this.#attempt;
    connectVerified(this.#peer, this.#trust, attempt?.signal).then(
      (socket) => done?.(null, socket),
      (error: unknown) => {
        const failure = error as VmdkDriverError;
        if (attempt !== undefined) attempt.failure = failure;
        // Node passes no stream with an error; its types ask for one.
        (done as ((error: Error) => void) | undefined)?.(failure);
      },
    );
  }
}
