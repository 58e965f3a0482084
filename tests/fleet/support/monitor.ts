import { Redis } from 'ioredis';
import { until } from '../../support/until.js';

/** Notes which commands clients send to Redis; what scripts do inside it is not sent. */
export class Monitor implements Disposable {
  readonly commands: (readonly string[])[] = [];
  readonly #asking: Redis;
  readonly #listening: Redis;

  private constructor(asking: Redis, listening: Redis) {
    this.#asking = asking;
    this.#listening = listening;
    listening.on('monitor', (_time: string, args: readonly string[], source: string) => {
      if (source !== 'lua') this.commands.push(args);
    });
  }

  static async start(port: number): Promise<Monitor> {
    const asking = new Redis(port);
    return new Monitor(asking, await asking.monitor());
  }

  /** Waits until all is noted that was sent before. */
  async settled(): Promise<void> {
    const mark = `mark-${this.commands.length.toString()}`;
    await this.#asking.echo(mark);
    await until(() => this.commands.some(([, text]) => text === mark));
  }

  [Symbol.dispose](): void {
    this.#listening.disconnect();
    this.#asking.disconnect();
  }
}
