import type { Response } from 'node-fetch';
import { AbortError, VimConnectionError, VimProtocolError, type CallOutcome } from '../../errors/index.js';
import { services, type ServiceName } from '../schema/index.js';
import { authority, type Peer } from '../tls/peer.js';
import type { Trust } from '../tls/trust.js';
import { VerifiedAgent, type ConnectionAttempt } from '../tls/verified-agent.js';
import { CallLimits } from './call-limits.js';
import type { CookieJar } from './cookie-jar.js';

/** No reply this library asks for comes near this size, in bytes; parsing blocks the process for seconds long before. */
const maxReplyBytes = 256 * 1024 * 1024;

/** One request to a SOAP endpoint of the server. */
export interface SoapExchange {
  readonly service: ServiceName;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: CookieJar;
  /** Whether the connection may be one that was used before. */
  readonly reuseConnection: boolean;
  /** How long the server may stay silent, in milliseconds. */
  readonly silenceMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Ends with the session. */
  readonly sessionSignal?: AbortSignal | undefined;
}

/** What the server answered: a SOAP envelope, with a result or a fault. */
export interface SoapReply {
  readonly status: number;
  readonly body: string;
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
   * @throws VimConnectionError where there is no envelope for an answer
   * @throws TlsVerificationError
   * @throws AbortError
   */
  async exchange(exchange: SoapExchange): Promise<SoapReply> {
    // On a connection that lay idle, a server that closes it and a server that took the request look the same. Where
    // that matters, the request gets a connection of its own. Also that one is asked to be kept alive: node-fetch can
    // take the end of a chunked reply for a cut one when the server closes the connection after it.
    const agent = exchange.reuseConnection ? this.#agent : this.#newAgent();
    const limits = new CallLimits(exchange.silenceMs, exchange.signal, exchange.sessionSignal);
    const attempt: ConnectionAttempt = { signal: limits.signal };
    try {
      const { default: fetch } = await import('node-fetch');
      // Given a signal that is aborted already, node-fetch ends the body with an error that nobody listens to.
      limits.signal.throwIfAborted();
      const response = await agent.during(attempt, () =>
        fetch(`https://${authority(this.#peer)}${services[exchange.service].path}`, {
          method: 'POST',
          headers: { ...exchange.headers, ...cookieHeader(exchange.cookies) },
          body: exchange.body,
          agent,
          // Not followed: what it would be sent to is not the server that was verified.
          redirect: 'manual',
          compress: false,
          signal: limits.signal,
        }),
      );
      limits.heard();
      // Another service's cookies are its own, and may have the name of the session's.
      if (exchange.service === 'vim25') exchange.cookies.store(response.headers.raw()['set-cookie'] ?? []);
      const body = await readBody(response, limits);
      if (!isEnvelope(response.status, body)) {
        throw this.#failed(`the server answered HTTP ${response.status} without a SOAP envelope`);
      }
      return { status: response.status, body };
    } catch (error) {
      throw this.#errorOf(error, exchange, limits, attempt);
    } finally {
      limits.end();
      if (agent !== this.#agent) agent.destroy();
    }
  }

  #newAgent(): VerifiedAgent {
    return new VerifiedAgent(this.#peer, this.#trust, { keepAlive: true });
  }

  #errorOf(error: unknown, exchange: SoapExchange, limits: CallLimits, attempt: ConnectionAttempt): unknown {
    // While it still connects, nothing was sent.
    const outcome = attempt.failure === undefined ? 'unknown' : 'not-sent';
    switch (limits.interruption) {
      case 'signal':
        return new AbortError({ reason: exchange.signal?.reason as unknown });
      case 'closed':
        return this.#failed('the session was disconnected', outcome, false);
      case 'timeout':
        return this.#failed(`no answer within ${exchange.silenceMs} ms`, outcome);
      case undefined:
        if (attempt.failure !== undefined) return attempt.failure;
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

async function readBody(response: Response, limits: CallLimits): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    limits.heard();
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > maxReplyBytes) throw new VimProtocolError(`a reply of more than ${maxReplyBytes} bytes`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** SOAP 1.1 answers 200 with a result and 500 with a fault; all else, such as a proxy's error page, is no answer. */
function isEnvelope(status: number, body: string): boolean {
  return (status === 200 || status === 500) && /^[^<]*<(?:\?xml|[\w-]+:Envelope|Envelope)[\s\S]*Envelope/.test(body);
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown reason';
}
