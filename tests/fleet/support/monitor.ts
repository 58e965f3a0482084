import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { until } from '../../support/until.js';

/** Notes which commands clients send to Redis; what scripts do inside it is not sent. */
export class Monitor implements Disposable {
  /** A command a line, as MONITOR shows it: `"evalsha" "…" …`. */
  readonly commands: string[] = [];
  readonly #listening: Socket;
  readonly #asking: Socket;

  private constructor(listening: Socket, asking: Socket) {
    this.#listening = listening;
    this.#asking = asking;
    createInterface(listening).on('line', (line) => {
      const [, source, command] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? [];
      if (command !== undefined && source !== 'lua') this.commands.push(command);
    });
  }

  static async start(port: number): Promise<Monitor> {
    const [listening, asking] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all([once(listening, 'connect'), once(asking, 'connect')]);
    const monitor = new Monitor(listening, asking);
    listening.write('MONITOR\r\n');
    await monitor.settled();
    return monitor;
  }

  /** Waits until all is noted that was sent before. */
  async settled(): Promise<void> {
    const mark = `"mark-${performance.now().toString()}"`;
    // Until it listens, it does not hear.
    await until(() => {
      this.#asking.write(`ECHO ${mark}\r\n`);
      return this.commands.some((command) => command.includes(mark));
    });
  }

  [Symbol.dispose](): void {
    this.#listening.destroy();
    this.#asking.destroy();
  }
}
