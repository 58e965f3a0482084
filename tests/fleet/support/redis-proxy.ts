import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What lies between a fleet and its Redis: it can fall silent, and lead new connections elsewhere, while those there are stay. */
export class RedisProxy implements AsyncDisposable {
  /** Where new connections lead. */
  target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isSilent = false;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((socket) => {
      this.#join(socket);
    });
  }

  static async start(target: number): Promise<RedisProxy> {
    const proxy = new RedisProxy(target);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Passes nothing on any more, and closes nothing either; new connections are taken, and not answered. */
  fallSilent(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    const ends = [
      [client, server],
      [server, client],
    ] as const;
    for (const [from, to] of ends) {
      this.#sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (data) => to.write(data));
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#isSilent) to.destroy();
      });
    }
    if (this.#isSilent) for (const [socket] of ends) socket.pause();
  }
}
