import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { openRepository, openService, parseStoreUrl } from '../../src/cli/store-url.js';
import { RepositoryBackupService } from '../../src/repository/index.js';
import {
  FileBackupService,
  ObjectBackupService,
  RbdBackupService,
  TsmBackupService,
} from '../../src/services/index.js';

const s3 = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
const tempauth = { ST_AUTH: 'http://127.0.0.1:1/auth/v1.0', ST_USER: 'a:b', ST_KEY: 'k' };
const keystone = { OS_AUTH_URL: 'http://127.0.0.1:1/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'n' };

test.each([
  ['file:/srv/backups', FileBackupService, {}],
  ['file:///srv/backups', FileBackupService, {}],
  ['s3://bucket/prefix', ObjectBackupService, s3],
  ['s3:bucket', ObjectBackupService, { ...s3, AWS_REGION: 'eu-central-1' }],
  ['swift://container/prefix', ObjectBackupService, tempauth],
  ['swift://container', ObjectBackupService, keystone],
  ['rbd://pool/namespace?id=backup', RbdBackupService, {}],
  ['tsm:/srv/staging?server=stanza&optionFile=/etc/dsm.opt', TsmBackupService, {}],
  ['tsm:///srv/staging', TsmBackupService, {}],
  ['repository+file:/srv/repository', RepositoryBackupService, {}],
  ['repository+s3://bucket/prefix?retainDays=30', RepositoryBackupService, s3],
  ['repository+swift://container', RepositoryBackupService, tempauth],
])('%s opens a service', async (url, type, environment) => {
  expect(await openService(parseStoreUrl(url), { environment })).toBeInstanceOf(type);
});

test.each([
  ['/srv/backups', "a store's URL begins with"],
  ['tape:x', "a store's URL begins with"],
  ['constructor:x', "a store's URL begins with"],
  ['tsm:', 'no directory'],
  ['tsm:/x?password=y', 'has no parameter password: it has server, optionFile'],
  ['file:', 'no directory'],
  ['s3://bucket?endpont=https://x', 'has no parameter endpont: it has endpoint, region'],
  ['s3://bucket?retainDays=3', 'only a repository'],
  ['repository+rbd://pool', 'a pool of images'],
  ['repository+tsm:/x', 'an archive'],
])('%s is refused', (url, reason) => {
  expect(() => parseStoreUrl(url)).toThrow(reason);
});

test('a URL of another kind is not repeated: it may hold a password', () => {
  expect(() => parseStoreUrl('https://user:secret@host/x')).toThrow(/^(?!.*secret).*begins with/);
});

test.each([
  ['s3://bucket', {}, 'AWS_ACCESS_KEY_ID is not set'],
  ['s3://bucket?pathStyle=yes', s3, 'pathStyle is true or false'],
  ['s3://bucket', { AWS_ACCESS_KEY_ID: 'key' }, 'AWS_SECRET_ACCESS_KEY is not set'],
  ['swift://container', {}, 'ST_AUTH or OS_AUTH_URL is not set'],
  ['swift://container', { ...keystone, OS_PASSWORD: '' }, 'OS_PASSWORD is not set'],
])('%s with %j says what is missing', async (url, environment, reason) => {
  await expect(openService(parseStoreUrl(url), { environment })).rejects.toThrow(reason);
});

describe('what is asked of the server', () => {
  /** The first request of a listing at a URL, in which `endpoint` is a server that refuses everything. */
  async function firstRequest(
    open: (endpoint: string) => Promise<{ list(): AsyncIterable<unknown> }>,
  ): Promise<IncomingMessage> {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      response.writeHead(403).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const service = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}`);
      await service
        .list()
        [Symbol.asyncIterator]()
        .next()
        .catch(() => undefined);
    } finally {
      server.close();
      server.closeAllConnections();
    }
    return requests[0]!;
  }

  test('of S3: bucket, prefix and region', async () => {
    const { url, headers } = await firstRequest((endpoint) =>
      openService(parseStoreUrl(`s3://bucket/a/b/?endpoint=${endpoint}&region=here`), { environment: s3 }),
    );
    expect(url).toMatch(/^\/bucket\/?\?.*prefix=a%2Fb%2F/);
    expect(headers.authorization).toMatch(/Credential=key\/\d+\/here\/s3/);
  });

  test('of Swift: who asks', async () => {
    const { url, headers } = await firstRequest((endpoint) =>
      openRepository(parseStoreUrl('swift://container'), { environment: { ...tempauth, ST_AUTH: `${endpoint}/auth` } }),
    );
    expect({ url, user: headers['x-auth-user'] }).toEqual({ url: '/auth', user: 'a:b' });
  });
});
