import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Certificate } from './certificate.js';

/** Answers one request. Where it rejects, the connection is cut. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** An HTTPS server on loopback that can be closed at once. */
export class HttpsServer {
  readonly certificate: Certificate;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(certificate: Certificate, handler: RequestHandler) {
    this.certificate = certificate;
    const { cert, key } = certificate;
    this.#server = createServer({ cert, key }, (request, response) => {
      handler(request, response).catch(() => {
        response.destroy();
      });
    });
    // Uploads of disks and long polls take as long as they take.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    // A client that breaks off its handshake, or speaks no TLS, is its own problem.
    this.#server.on('tlsClientError', (_error, socket) => {
      socket.destroy();
    });
  }

  static async start(options: {
    readonly host: string;
    readonly port: number;
    readonly certificate: Certificate;
    readonly handler: RequestHandler;
  }): Promise<HttpsServer> {
    const server = new HttpsServer(options.certificate, options.handler);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.port, options.host, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
