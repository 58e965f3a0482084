import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Whether all of these programs are installed. */
export function installed(...programs: readonly string[]): boolean {
  try {
    execFileSync('which', programs, { stdio: 'ignore', env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` } });
    return true;
  } catch {
    return false;
  }
}

/** Servers that a script of `servers/` started, on ports of loopback that were free. */
export class Server implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly ports: readonly number[],
    readonly script: string,
  ) {}

  static async start(name: string, portCount: number): Promise<Server> {
    const directory = await mkdtemp(join(tmpdir(), `${name}-`));
    const script = resolve(`tests/real-stores/servers/${name}.sh`);
    const server = new Server(directory, await freePorts(portCount), script);
    try {
      await server.tell('start');
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** An action of its script, as `kill` or `revive` one of its processes. */
  async tell(action: string, which = ''): Promise<void> {
    const env = {
      ...process.env,
      SERVER_DIRECTORY: this.directory,
      PORTS: this.ports.join(' '),
      OWNER: String(process.pid),
    };
    const child = spawn(this.script, [action, which], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${this.script} ${action} ended with ${code ?? 'a signal'}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tell('stop').catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}
