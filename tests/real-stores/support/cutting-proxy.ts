import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A proxy on loopback that breaks connections once the client has sent so many bytes by them. */
export class CuttingProxy implements AsyncDisposable {
  /** How many connections are still to be broken. */
  cuts: number;
  #tried = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly server: Server,
    cuts: number,
  ) {
    this.cuts = cuts;
  }

  static async start(
    toPort: number,
    { cuts, afterBytes }: { cuts: number; afterBytes: number },
  ): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, cuts);
    server.on('connection', (client: Socket) => {
      const upstream = connect(toPort, '127.0.0.1');
      let sent = 0;
      const end = () => {
        client.destroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) {
        proxy.#sockets.add(socket);
        socket.on('error', end).on('close', end);
      }
      client.on('data', (chunk: Buffer) => {
        sent += chunk.length;
        if (sent < afterBytes || proxy.cuts <= 0) return;
        proxy.cuts--;
        proxy.#tried++;
        end();
      });
      client.pipe(upstream).pipe(client);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many connections it broke. */
  get broken(): number {
    return this.#tried;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cuts = 0;
    const closed = once(this.server, 'close');
    this.server.close();
    // Clients keep theirs for the next request.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
