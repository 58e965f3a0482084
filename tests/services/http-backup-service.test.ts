import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { describeBackupService } from './backup-service-contract.js';
import { HttpBackupService } from './http-backup-service.js';

/** The smallest server the service can keep backups on. */
async function startServer() {
  const objects = new Map<string, Buffer>();
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = '' } = request;
    if (method === 'PUT') objects.set(url, await buffer(request));
    const object = objects.get(url);
    response.writeHead(object === undefined ? 404 : 200).end(method === 'GET' ? object : undefined);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describeBackupService(
  'HttpBackupService',
  async () => {
    const { server, url } = await startServer();
    return {
      service: new HttpBackupService(url),
      close: async () => {
        server.closeAllConnections();
        await once(server.close(), 'close');
      },
    };
  },
  {},
);

it('is the example of the documentation', async () => {
  const example = (await readFile(resolve('tests/services/http-backup-service.ts'), 'utf8'))
    .replace("'../../src/errors/index.js'", "'vmdk-driver'")
    .replace("'../../src/services/index.js'", "'vmdk-driver/services'");
  expect(await readFile(resolve('docs/backup-services.md'), 'utf8')).toContain(`\`\`\`ts\n${example}\`\`\``);
});
