import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod';
import { InvalidInputError } from '../index.js';
import { methods } from './methods.js';
import type { FleetMetrics } from './metrics.js';
import { parse } from './parse.js';

/** Where metrics are served. */
export interface MetricsServerOptions {
  readonly metrics: FleetMetrics;
  /** 0: any that is free. */
  readonly port: number;
  /** The address to listen on. Default `127.0.0.1`; in a container `0.0.0.0`. */
  readonly host?: string | undefined;
}

/** An endpoint for Prometheus and for probes. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
  /** Serves nothing any more; requests under way are cut. */
  close(): Promise<void>;
}

const optionsSchema = z.strictObject({
  metrics: methods<FleetMetrics>(['text', 'ping']),
  port: z.int().min(0).max(65_535),
  host: z.string().min(1).default('127.0.0.1'),
});

/**
 * Serves `/metrics`; `/live`, which is answered as long as the event loop turns; and `/ready`, which is 503 where Redis cannot be asked.
 *
 * @throws InvalidInputError, also where the port is taken
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { metrics, port, host } = parse('options', optionsSchema, options);
  const server = createServer((request, response) => {
    void answer(request.url ?? '', metrics, response);
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidInputError('options.port', `cannot be served: ${reason}`, { cause: error });
  });
  // A connection that cannot be taken, as files run out, is Prometheus's to miss: unheard it would end the process.
  server.on('error', () => undefined);
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    if (server.listening) await once(server, 'close');
  };
  const { address: ip, port: bound, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${ip}]` : ip}:${bound}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer(path: string, metrics: FleetMetrics, response: ServerResponse): Promise<void> {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
    response.writeHead(status, { 'content-type': type }).end(text);
  };
  if (path === '/live') {
    say(200, 'ok\n');
    return;
  }
  if (path !== '/metrics' && path !== '/ready') {
    say(404, 'there is /metrics, /live and /ready\n');
    return;
  }
  try {
    if (path === '/ready') {
      await metrics.ping();
      say(200, 'ok\n');
    } else {
      say(200, await metrics.text(), metrics.contentType);
    }
  } catch (error) {
    say(503, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}
