import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** What a proxy does to a connection. */
export interface ConnectionFault {
  /**
   * - `cut`: both ends are closed
   * - `stall`: nothing moves any more
   * - `flip`: one bit of a segment is changed on its way, and another one whenever so many bytes have come again
   * - a function: the bytes wait for it, and then go on
   */
  readonly fault: 'cut' | 'stall' | 'flip' | (() => Promise<void>);
  /** Whether the client's bytes are counted, or the server's. */
  readonly direction: 'up' | 'down';
  /** It happens once so many bytes have come by a connection: more than anything but a segment has. */
  readonly afterBytes: number;
  /** How often it happens. */
  readonly times: number;
}

/** What comes at once and is longer ends with bytes of a segment: no head of a request or an answer is so long. */
const longestHead = 16 * 1024;

/** A proxy on loopback that spoils connections. */
export class FaultProxy implements AsyncDisposable {
  /** How often it happened. */
  spoiled = 0;
  /** How often it found the server gone, or was answered that what is behind it is. */
  refusals = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(toPort: number, fault: ConnectionFault): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server);
    server.on('connection', (client: Socket) => {
      proxy.#connect(client, toPort, fault);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Clients keep theirs for the next request.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #connect(client: Socket, toPort: number, fault: ConnectionFault): void {
    const upstream = connect(toPort, '127.0.0.1');
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    upstream.once('error', () => this.refusals++);
    upstream.on('data', (chunk: Buffer) => {
      if (chunk.subarray(0, 10).toString('latin1').startsWith('HTTP/1.1 5')) this.refusals++;
    });
    const metered = (direction: ConnectionFault['direction']) =>
      direction === fault.direction ? [this.#spoiling(fault, end)] : [];
    pipeAll(client, ...metered('up'), upstream);
    pipeAll(upstream, ...metered('down'), client);
  }

  #spoiling({ fault, afterBytes, times }: ConnectionFault, end: () => void): Transform {
    let passed = 0;
    let isSpoiled = false;
    return new Transform({
      transform: (chunk: Buffer, _encoding, callback) => {
        passed += chunk.length;
        const isHead = fault === 'flip' && chunk.length <= longestHead;
        if (isSpoiled || isHead || passed < afterBytes || this.spoiled >= times) {
          callback(null, chunk);
          return;
        }
        isSpoiled = fault !== 'flip';
        this.spoiled++;
        if (fault === 'cut') {
          end();
        } else if (fault === 'flip') {
          passed = 0;
          const changed = Buffer.from(chunk);
          const last = changed.length - 1;
          changed.writeUInt8(changed.readUInt8(last) ^ 1, last);
          callback(null, changed);
        } else if (fault !== 'stall') {
          fault().then(
            () => {
              callback(null, chunk);
            },
            (error: unknown) => {
              callback(error as Error);
            },
          );
        }
      },
    }).on('error', end);
  }
}

function pipeAll(...streams: readonly NodeJS.ReadWriteStream[]): void {
  for (const [index, stream] of streams.entries()) if (index > 0) streams[index - 1]?.pipe(stream);
}
