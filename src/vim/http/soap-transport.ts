import { Readable } from 'node:stream';
import type { Response } from 'node-fetch';
import { AbortError, type CallOutcome, VimConnectionError, VimProtocolError } from '../../errors/index.js';
import { mainThread } from '../main-thread.js';
import { type ServiceName, services } from '../schema/index.js';
import { authority, type Peer } from '../tls/peer.js';
import type { Trust } from '../tls/trust.js';
import { type ConnectionAttempt, VerifiedAgent } from '../tls/verified-agent.js';
import { CallLimits } from './call-limits.js';
import type { CookieJar } from './cookie-jar.js';
import { NoEnvelopeError, type ReplySink } from './reply-sink.js';
import { readReplyText, type ReplyHeaders } from './reply-text.js';

/** How many characters of a reply are read in one go: well under a millisecond's work, whatever they are. */
const pieceLength = 1_024;

/** How long a document may be that is fetched, in characters. */
const longestDocument = 256 * 1024;

/** What ends a request before its time. */
export interface Silence {
  /** How long the server may stay silent, in milliseconds. */
  readonly silenceMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Ends with the session. */
  readonly sessionSignal?: AbortSignal | undefined;
}

/** One request to a SOAP endpoint of the server. */
export interface SoapExchange extends Silence {
  readonly service: ServiceName;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: CookieJar;
  /** Whether the connection may be one that was used before. */
  readonly reuseConnection: boolean;
  /** Gets what the server answers. */
  readonly reply: ReplySink;
}

interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the connection may be one that was used before. */
  readonly reuseConnection: boolean;
}

/** What became of one request. */
interface RequestAttempt extends ConnectionAttempt {
  /** Whether it was handed to its connection, which may still be made. */
  isSent: boolean;
}

/** Carries SOAP envelopes to one server over HTTPS. Nothing it throws holds anything of a request. */
export class SoapTransport {
  readonly #peer: Peer;
  readonly #trust: Trust;
  readonly #agent: VerifiedAgent;

  constructor(peer: Peer, trust: Trust) {
    this.#peer = peer;
    this.#trust = trust;
    this.#agent = new VerifiedAgent(peer, trust, { keepAlive: true });
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Sends a request and has the reply read.
   *
   * @throws VimConnectionError where there is no envelope for an answer
   * @throws VimProtocolError where the reply cannot be understood
   * @throws TlsVerificationError
   * @throws AbortError
   */
  async exchange({ service, body, cookies, reply, reuseConnection, ...exchange }: SoapExchange): Promise<void> {
    const headers = { ...exchange.headers, ...cookieHeader(cookies) };
    const request: HttpRequest = { method: 'POST', path: services[service].path, headers, body, reuseConnection };
    await this.#request(request, exchange, async (response, limits) => {
      // Another service's cookies are its own, and may have the name of the session's.
      if (service === 'vim25') cookies.store(response.headers.raw()['set-cookie'] ?? []);
      await this.#read(response, reply, limits);
    });
  }

  /**
   * Fetches a short document that the server shows to anybody.
   *
   * @throws VimConnectionError, VimProtocolError, TlsVerificationError, AbortError
   */
  async get(path: string, limits: Silence): Promise<string> {
    let text = '';
    await this.#request({ method: 'GET', path, headers: {}, reuseConnection: true }, limits, async (response) => {
      if (response.status !== 200) throw this.#failed(`HTTP ${response.status} for ${path}`);
      await readReplyText((response.body ?? []) as AsyncIterable<Uint8Array>, encodingOf(response), async (piece) => {
        text += piece;
        if (text.length > longestDocument) throw new VimProtocolError(`${path} is too long`);
        return Promise.resolve();
      });
    });
    return text;
  }

  async #request(
    { path, reuseConnection, ...init }: HttpRequest,
    exchange: Silence,
    read: (response: Response, limits: CallLimits) => Promise<void>,
  ): Promise<void> {
    // On a connection that lay idle, a server that closes it and a server that took the request look the same. Where
    // that matters, the request gets a connection of its own. Also that one is asked to be kept alive: node-fetch can
    // take the end of a chunked reply for a cut one when the server closes the connection after it.
    const agent = reuseConnection ? this.#agent : this.#newAgent();
    const limits = new CallLimits(exchange.silenceMs, exchange.signal, exchange.sessionSignal);
    const attempt: RequestAttempt = { signal: limits.signal, isSent: false };
    let body: unknown;
    try {
      const { default: fetch } = await import('node-fetch');
      const response = await mainThread.run(() => {
        // Given a signal that is aborted already, node-fetch ends the body with an error that nobody listens to.
        limits.signal.throwIfAborted();
        attempt.isSent = true;
        limits.heard();
        return agent.during(attempt, () =>
          fetch(`https://${authority(this.#peer)}${path}`, {
            ...init,
            headers: { ...init.headers, 'Accept-Encoding': 'identity' },
            agent,
            // Not followed: what it would be sent to is not the server that was verified.
            redirect: 'manual',
            compress: false,
            signal: limits.signal,
          }),
        );
      });
      ({ body } = response);
      limits.heard();
      await read(response, limits);
    } catch (error) {
      // What is left of it may have no end.
      if (body instanceof Readable) body.destroy();
      throw this.#errorOf(error, exchange, limits, attempt);
    } finally {
      limits.end();
      if (agent !== this.#agent) agent.destroy();
    }
  }

  /** SOAP 1.1 answers 200 with a result and 500 with a fault; all else, such as a proxy's error page, is no answer. */
  async #read(response: Response, reply: ReplySink, limits: CallLimits): Promise<void> {
    const { status, body } = response;
    try {
      if (status !== 200 && status !== 500) throw new NoEnvelopeError();
      await readReplyText((body ?? []) as AsyncIterable<Uint8Array>, encodingOf(response), async (text) => {
        for (let at = 0; at < text.length; at += pieceLength) {
          limits.heard();
          await mainThread.run(() => {
            reply.write(text.slice(at, at + pieceLength));
          });
        }
      });
      reply.end();
    } catch (error) {
      if (!(error instanceof NoEnvelopeError)) throw error;
      throw this.#failed(`the server answered HTTP ${status} without a SOAP envelope`);
    }
  }

  #newAgent(): VerifiedAgent {
    return new VerifiedAgent(this.#peer, this.#trust, { keepAlive: true });
  }

  #errorOf(error: unknown, exchange: Silence, limits: CallLimits, { failure, isSent }: RequestAttempt): unknown {
    // While it waits for its turn, or still connects, nothing was sent.
    const outcome = isSent && failure === undefined ? 'unknown' : 'not-sent';
    switch (limits.interruption) {
      case 'signal':
        return new AbortError({ reason: exchange.signal?.reason as unknown });
      case 'closed':
        return this.#failed('the session was disconnected', outcome, false);
      case 'timeout':
        return this.#failed(`no answer within ${exchange.silenceMs} ms`, outcome);
      case undefined:
        if (failure !== undefined) return failure;
        if (error instanceof VimConnectionError || error instanceof VimProtocolError) return error;
        // node-fetch's own error stays behind: it knows the request.
        return this.#failed(`the connection was lost: ${codeOf(error)}`);
    }
  }

  #failed(reason: string, outcome: CallOutcome = 'unknown', retryable = true): VimConnectionError {
    return new VimConnectionError(`${authority(this.#peer)}: ${reason}`, outcome, { retryable });
  }
}

function cookieHeader(cookies: CookieJar): Record<string, string> {
  const header = cookies.header();
  return header === undefined ? {} : { Cookie: header };
}

function encodingOf({ headers }: Response): ReplyHeaders {
  return { contentType: headers.get('content-type'), contentEncoding: headers.get('content-encoding') };
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown reason';
}
