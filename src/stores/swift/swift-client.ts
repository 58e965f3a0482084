import type { IncomingMessage } from 'node:http';
import { rememberSecrets } from '../../errors/known-secrets.js';
import { encodePath, encodeStrictly } from '../http/endpoint.js';
import type { HttpClient } from '../http/http-client.js';
import { discardAnswer, type ReadAnswerOptions, textOfAnswer } from '../http/read-answer.js';
import { Renewable } from '../http/renewable.js';
import { withRetries } from '../http/retry.js';
import type { StoreClientOptions, StoreRequest } from '../http/store-request.js';
import { login } from './login.js';
import type { SwiftAuth } from './swift-auth.js';
import { statusError } from './swift-errors.js';
import type { SwiftSession } from './swift-session.js';

/** One request. */
export interface SwiftRequest extends StoreRequest {
  /** Where it goes: an object's whole name, `container` or `account` itself, or what the cluster can do. */
  readonly target: { readonly object: string } | 'container' | 'account' | 'info';
  readonly query?: Readonly<Record<string, string>> | undefined;
}

/** How a client is set up. */
export interface SwiftClientOptions extends StoreClientOptions {
  readonly auth: SwiftAuth;
  readonly container: string;
}

/** What a request was answered with. */
export interface SwiftText {
  readonly status: number;
  readonly text: string;
  readonly session: SwiftSession;
}

interface Sent {
  readonly answer: IncomingMessage;
  readonly session: SwiftSession;
}

/** Requests to a container, with a token that is renewed, tried again where that is safe. */
export class SwiftClient {
  readonly container: string;
  readonly retryDelaysMs: readonly number[];
  readonly #http: HttpClient;
  readonly #sessions: Renewable<SwiftSession>;

  constructor({ auth, container, http, retryDelaysMs }: SwiftClientOptions) {
    this.container = container;
    this.retryDelaysMs = retryDelaysMs;
    this.#http = http;
    this.#sessions = new Renewable(() => login(http, auth, retryDelaysMs));
  }

  /** `host:port` of the store, for errors. */
  async peer(signal: AbortSignal | undefined): Promise<string> {
    return new URL((await this.#sessions.get(signal)).storageUrl).host;
  }

  get stallTimeoutMs(): number {
    return this.#http.stallTimeoutMs;
  }

  /**
   * Sends the request until it is answered with success, or with a status that it accepts. The answer's body has to be read or
   * destroyed.
   *
   * @throws StoreError
   */
  async send(request: SwiftRequest): Promise<IncomingMessage> {
    const { signal, isSafe } = request;
    const { answer } = await withRetries({ delaysMs: this.retryDelaysMs, signal, isSafe }, () =>
      this.#sendOnce(request, true),
    );
    return answer;
  }

  /** Sends a request whose answer has nothing to say but its head. */
  async sendForHead(request: SwiftRequest): Promise<IncomingMessage> {
    const answer = await this.send(request);
    await discardAnswer(answer, this.#reading(answer, request.signal));
    return answer;
  }

  /** The text that the request is answered with, and the session that was used. */
  async sendForText(request: SwiftRequest): Promise<SwiftText> {
    const { signal, isSafe } = request;
    // A broken answer is asked for again as a whole.
    return withRetries({ delaysMs: this.retryDelaysMs, signal, isSafe }, async () => {
      const { answer, session } = await this.#sendOnce(request, true);
      const text = await textOfAnswer(answer, this.#reading(answer, signal));
      return { status: answer.statusCode ?? 0, text, session };
    });
  }

  /** Says that a session was refused: the next request has another. */
  invalidate(session: SwiftSession): void {
    this.#sessions.invalidate(session);
  }

  async #sendOnce(request: SwiftRequest, mayRenew: boolean): Promise<Sent> {
    const { method, target, query, headers, body, accepts = [], signal } = request;
    const session = await this.#sessions.get(signal);
    // Each time: of all secrets, those that were met longest ago are forgotten.
    rememberSecrets(session.token);
    const url = this.#urlOf(session, target, query);
    const answer = await this.#http.send({
      method,
      url,
      // What the cluster can do is told to anybody.
      headers: { ...headers, ...(target === 'info' ? {} : { 'x-auth-token': session.token }) },
      body,
      signal,
    });
    const { statusCode: status = 0 } = answer;
    if ((status >= 200 && status < 300) || accepts.includes(status)) return { answer, session };
    const text = await textOfAnswer(answer, this.#reading(answer, signal));
    if (status === 401 && mayRenew) {
      this.invalidate(session);
      return this.#sendOnce(request, false);
    }
    throw statusError(`${url.host}: ${request.what}`, answer, text);
  }

  #urlOf({ storageUrl }: SwiftSession, target: SwiftRequest['target'], query: SwiftRequest['query'] = {}): URL {
    if (target === 'info') return new URL('/info', storageUrl);
    const path = target === 'account' ? '' : `/${encodeStrictly(this.container)}`;
    const object = typeof target === 'object' ? `/${encodePath(target.object)}` : '';
    const parameters = Object.entries(query).map(([name, value]) =>
      value === '' ? encodeStrictly(name) : `${encodeStrictly(name)}=${encodeStrictly(value)}`,
    );
    return new URL(`${storageUrl}${path}${object}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`);
  }

  #reading(answer: IncomingMessage, signal: AbortSignal | undefined): ReadAnswerOptions {
    const { remoteAddress = '', remotePort = 0 } = answer.socket;
    return { stallTimeoutMs: this.stallTimeoutMs, peer: `${remoteAddress}:${remotePort}`, signal };
  }
}
