import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as requestHttp,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { AbortError, StoreError, throwIfAborted } from '../../errors/index.js';
import { reasonOf } from '../../errors/reason-of.js';
import { connectionError } from './connection-error.js';
import { sendBody } from './send-body.js';
import { StallTimer } from './stall-timer.js';

/** Header fields of a request, by their names in lower case. */
export type HttpHeaders = Readonly<Record<string, string>>;

/** The body of a request: buffers that follow each other. It can be sent again. */
export interface HttpBody {
  readonly buffers: readonly Uint8Array[];
  readonly size: number;
}

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: HttpHeaders | undefined;
  readonly body?: HttpBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a client is set up. */
export interface HttpClientOptions {
  /** PEM of the certificate authorities to trust instead of the system's. */
  readonly ca?: string | readonly string[] | undefined;
  readonly stallTimeoutMs: number;
}

/** Larger bodies are sent only once the server wants them: a refusal then costs nothing, and is read rather than lost. */
const expectedBodyBytes = 1024 * 1024;

/** Requests on kept connections. There is no limit on how long one takes, only on how long no byte moves. */
export class HttpClient {
  readonly stallTimeoutMs: number;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: HttpsAgent;

  constructor({ ca, stallTimeoutMs }: HttpClientOptions) {
    this.stallTimeoutMs = stallTimeoutMs;
    this.#https = new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca: [ca].flat() }) });
  }

  /**
   * Sends the request, and resolves with the head of its answer, of any status. The answer's body has to be read or destroyed, and is
   * on its own as to stalls and aborts.
   *
   * @throws StoreError where there is no answer, or that of a put does not say that its body is stored
   */
  async send({ method, url, headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
    throwIfAborted(signal);
    const isTls = url.protocol === 'https:';
    const size = body?.size ?? 0;
    const expects = size > expectedBodyBytes;
    const request = requestOf(url, {
      method,
      agent: isTls ? this.#https : this.#http,
      headers: {
        ...headers,
        // Bytes are compared with lengths and checksums: nobody on the way shall compress them.
        'accept-encoding': 'identity',
        ...(method === 'PUT' || method === 'POST' ? { 'content-length': size } : {}),
        ...(expects ? { expect: '100-continue' } : {}),
      },
    });
    const timer = new StallTimer(this.stallTimeoutMs, (error) => request.destroy(error));
    const onAbort = () => {
      if (signal !== undefined) request.destroy(new AbortError(signal));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      timer.start();
      const answer = answerTo(request, url.host);
      const isGiven = sendBody(request, body?.buffers ?? [], expects, timer);
      const head = await answer;
      const fault = method === 'PUT' && isSuccess(head) ? putFault(url.host, head, isGiven()) : undefined;
      if (fault === undefined) return head;
      head.destroy();
      throw fault;
    } catch (error) {
      throw connectionError(error, url.host);
    } finally {
      timer.stop();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** @throws StoreError where Node does not take it: a header field, say, with characters that none may have */
function requestOf(url: URL, options: RequestOptions): ClientRequest {
  try {
    return (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
  } catch (cause) {
    throw new StoreError('failed', `${url.host}: the request cannot be made: ${reasonOf(cause)}`, { cause });
  }
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Why a put that was answered with success is none. */
function putFault(peer: string, { statusCode: status }: IncomingMessage, isGiven: boolean): StoreError | undefined {
  // Swift says so, even before it has the body, where it has a newer timestamp for the object, by another proxy's clock.
  if (status === 202) return new StoreError('unavailable', `${peer}: the put was accepted, and not stored`, { status });
  return isGiven ? undefined : new StoreError('protocol', `${peer}: the body was taken for stored before it was sent`);
}

function answerTo(request: ClientRequest, peer: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // It stays: a connection may fail, once more, after it was given up.
    request.on('error', reject);
    // Node.js closes without an error where the server switches protocols, say, which nobody asked it to.
    request.once('close', () => {
      reject(new StoreError('connection', `${peer}: the connection was closed without an answer`));
    });
    request.once('response', (answer) => {
      if (!request.writableEnded) {
        // Refused before the body was sent, which the server does not read any more. The connection has no further use.
        answer.once('close', () => request.destroy());
      }
      resolve(answer);
    });
  });
}
