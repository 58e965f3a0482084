import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { backupServiceChecks } from '../../src/testing/index.js';
import { describeChecks } from '../testing/describe-checks.js';
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

/** What the service does not have: it is the least that a service can be. */
const skipped = [
  'takes a stream',
  'takes chunks',
  'has done',
  'shows nothing of a stream',
  'leaves nothing of a stream',
  'takes nothing',
  'gives a stream',
  'has no stream',
  'ends a stream',
  'deletes',
  'takes a deleted',
  'gives back the manifest',
  'has no manifest',
  'lists',
];

describeChecks(
  'HttpBackupService',
  backupServiceChecks(async () => {
    const { server, url } = await startServer();
    return {
      service: new HttpBackupService(url),
      close: async () => {
        server.closeAllConnections();
        await once(server.close(), 'close');
      },
    };
  }),
  skipped,
);

it('is the example of the documentation', async () => {
  const example = (await readFile(resolve('tests/services/http-backup-service.ts'), 'utf8'))
    .replace("'../../src/errors/index.js'", "'vmdk-driver'")
    .replace("'../../src/services/index.js'", "'vmdk-driver/services'");
  expect(await readFile(resolve('docs/backup-services.md'), 'utf8')).toContain(`\`\`\`ts\n${example}\`\`\``);
});
