import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as it arrived, its body read. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** What answers a request. It gets the body as far as it has come, where it does not wait for it. */
export type Answer = (response: ServerResponse, arrived: Arrived, request: IncomingMessage) => void | Promise<void>;

/** A server that answers as it is told, and remembers what it was asked. */
export class HttpDouble implements AsyncDisposable {
  readonly arrived: Arrived[] = [];
  /** Whether a client that asks first is told to go on. */
  saysContinue = true;
  /** Whether bodies are read before a request is answered. */
  readsBodies = true;
  #answer: Answer;
  readonly #server = createServer((request, response) => {
    this.#take(request, response);
  });

  static async start(answer: Answer): Promise<HttpDouble> {
    const double = new HttpDouble(answer);
    double.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (double.saysContinue && double.readsBodies) response.writeContinue();
      double.#take(request, response);
    });
    await once(double.#server.listen(0, '127.0.0.1'), 'listening');
    return double;
  }

  private constructor(answer: Answer) {
    this.#answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  answers(answer: Answer): void {
    this.#answer = answer;
  }

  /** What was asked, in short. */
  get asked(): string[] {
    return this.arrived.map(({ method, url }) => `${method} ${url}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const answer = async () => {
      const body = this.readsBodies ? await buffer(request) : Buffer.alloc(0);
      const arrived = { method, url, headers, body };
      this.arrived.push(arrived);
      await this.#answer(response, arrived, request);
    };
    answer().catch(() => response.destroy());
  }
}

/** Answers one after the other; the last one for all that follow. */
export function inTurn(...answers: readonly Answer[]): Answer {
  let next = 0;
  return (...args) => answers[Math.min(next++, answers.length - 1)]!(...args);
}

/** An answer of this status and body. */
export function status(code: number, body = '', headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(code, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
  };
}
