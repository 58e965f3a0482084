import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What lies between a fleet and its Redis: it can fall silent, and lead new connections elsewhere, while those there are stay. */
export class RedisProxy implements AsyncDisposable {
  /** Where new connections lead. */
  target: number;
  /** How many connections were taken. */
  taken = 0;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #isSilent = false;
  #isClosedToNew = false;

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

  /** How many connections there are. */
  get open(): number {
    return this.#clients.size;
  }

  /** Passes nothing on any more, and closes nothing either; new connections are taken, and not answered. */
  fallSilent(): void {
    this.#isSilent = true;
    for (const client of this.#clients) client.pause();
  }

  /** The same on new connections only: those there are stay as they are. */
  welcomeNobody(): void {
    this.#isClosedToNew = true;
  }

  /** Ends all connections that there are. */
  break(): void {
    for (const client of this.#clients) client.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.break();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    const isSilent = this.#isClosedToNew;
    this.taken++;
    this.#clients.add(client);
    client.on('data', (data) => {
      if (!isSilent && !this.#isSilent) server.write(data);
    });
    server.on('data', (data) => {
      if (!isSilent && !this.#isSilent) client.write(data);
    });
    client.on('error', () => undefined);
    server.on('error', () => undefined);
    client.on('close', () => {
      this.#clients.delete(client);
      server.destroy();
    });
    server.on('close', () => {
      if (!isSilent && !this.#isSilent) client.destroy();
    });
    if (this.#isSilent) client.pause();
  }
}
