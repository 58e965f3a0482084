import type { ClientRequest } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import {
  AbortError,
  InvalidInputError,
  TransferError,
  VimConnectionError,
  VmdkDriverError,
} from '../../errors/index.js';
import { authority, isSamePeer, type Peer, peerOf } from '../tls/peer.js';
import type { Thumbprint } from '../tls/thumbprint.js';
import type { Trust } from '../tls/trust.js';
import { type ConnectionAttempt, VerifiedAgent } from '../tls/verified-agent.js';
import { transferTrust } from './transfer-trust.js';

/** What a transfer needs to know of its session. */
export interface TransferSession {
  readonly peer: Peer;
  readonly trust: Trust;
  /** The pin of other hosts than {@link peer}, of which the lease tells nothing. */
  readonly nfcThumbprint: Thumbprint | undefined;
  /** The session's `Cookie` header; sent to {@link peer} only. */
  readonly cookie: string | undefined;
}

/** An HTTPS request of the data plane on a connection of its own, and the words for what may go wrong with it. */
export class TransferRequest {
  readonly request: ClientRequest;
  readonly #peer: Peer;
  readonly #attempt: ConnectionAttempt;

  /**
   * @throws InvalidInputError where the URL is no `https:` URL
   * @throws TlsVerificationError where the expected thumbprint is none
   */
  constructor(
    url: string,
    options: {
      readonly method: 'GET' | 'POST' | 'PUT';
      readonly headers: Readonly<Record<string, string>>;
      readonly thumbprint?: string | undefined;
      readonly certificate?: string | undefined;
      readonly signal?: AbortSignal | undefined;
    },
    session: TransferSession,
  ) {
    const target = parseUrl(url);
    const peer = peerOf(target);
    // A URL has no room for the zone that a link-local address of the session's may need.
    this.#peer = isSamePeer(peer, session.peer) ? session.peer : peer;
    this.#attempt = { signal: options.signal };
    // One connection for one disk: there is nothing to keep it for afterwards, and nothing to leak.
    const agent = new VerifiedAgent(this.#peer, transferTrust(this.#peer, options, session), {
      keepAlive: false,
    });
    const cookie = isSamePeer(this.#peer, session.peer) ? session.cookie : undefined;
    const requestOptions: RequestOptions = {
      agent,
      method: options.method,
      headers: { ...options.headers, ...(cookie === undefined ? {} : { Cookie: cookie }) },
    };
    this.request = agent.during(this.#attempt, () => request(target, requestOptions));
  }

  /** What to tell the caller of an error of the request or of one of its streams. */
  errorOf(error: unknown): VmdkDriverError {
    const { failure } = this.#attempt;
    if (failure instanceof VimConnectionError) return new TransferError(failure.message, { cause: failure.cause });
    if (failure !== undefined) return failure;
    if (error instanceof VmdkDriverError) return error;
    return this.failed(`the connection was lost: ${reasonOf(error)}`, { cause: error });
  }

  /** A failure of the transfer. The URL stays out of it: its path is the lease's ticket. */
  failed(
    reason: string,
    details: { readonly status?: number; readonly cause?: unknown; readonly retryable?: boolean } = {},
  ): TransferError {
    return new TransferError(`${authority(this.#peer)}: ${reason}`, details);
  }

  /**
   * Calls `end` when the signal is aborted.
   *
   * @returns what takes the listener off the signal
   */
  static onAbort(signal: AbortSignal | undefined, end: (error: AbortError) => void): () => void {
    if (signal === undefined) return () => undefined;
    const abort = (): void => {
      end(new AbortError(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
    return () => {
      signal.removeEventListener('abort', abort);
    };
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new InvalidInputError('url', 'is no URL');
  // Disk bytes and tickets do not travel in the clear, and credentials do not travel in URLs.
  if (url.protocol !== 'https:') throw new InvalidInputError('url', `must be an https: URL, not ${url.protocol}`);
  if (url.username !== '' || url.password !== '') throw new InvalidInputError('url', 'must not hold credentials');
  return url;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown reason';
}
