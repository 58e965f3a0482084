import { afterAll, beforeAll } from '@jest/globals';
import { needing } from '../support/needing.js';
import { testServiceConformance, testStoreConformance } from './support/conformance-tests.js';
import { testConnections } from './support/connection-tests.js';
import { testDriver } from './support/driver-tests.js';
import { testExample } from './support/example-tests.js';
import { testKilledClients } from './support/killed-client-tests.js';
import { testPermissions } from './support/permission-tests.js';
import { createContainer } from './support/place.js';
import { quotaBytes, testQuota } from './support/quota-tests.js';
import { testAwsSdk } from './support/sdk-tests.js';
import { installed, Server } from './support/server.js';
import { testServerFaults } from './support/server-fault-tests.js';
import { testTwoWriters } from './support/writer-tests.js';

const present = installed('swift-proxy-server', 'swift-object-server', 'memcached', 'curl');

needing(present, 'swift-proxy, -account, -container, -object and memcached are not installed').describe('Swift', () => {
  let server: Server;
  const place = () => {
    const [port = 0] = server.ports;
    return { kind: 'swift', port, path: '/auth/v1.0', user: 'test:tester', key: 'testing', prefix: '' } as const;
  };
  const s3 = () => {
    const { port, user, key } = place();
    return { kind: 's3', port, key: user, secret: key, region: 'us-east-1', prefix: '' } as const;
  };
  const repository = () => ({ ...place(), isRepository: true });
  const killed = (name: string, which: string) => ({
    name: `the ${name} killed and restarted`,
    begin: () => server.tell('kill', which),
    end: () => server.tell('revive', which),
  });
  const objectServer = killed('object server', 'object');
  const faults = [
    objectServer,
    killed('proxy server', 'proxy'),
    { name: 'the token expired', begin: () => server.tell('forget-tokens') },
  ];

  beforeAll(async () => {
    server = await Server.start('swift', 5);
    await createContainer(place());
    await createContainer(place(), 'small', { 'x-container-meta-quota-bytes': String(quotaBytes) });
    const access = { 'x-container-read': 'test:writer,.rlistings', 'x-container-write': 'test:writer' };
    await createContainer(place(), 'shared', access);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  testStoreConformance('Swift', place);
  testStoreConformance('Swift (S3)', s3);
  testAwsSdk('Swift (S3)', s3);
  testServiceConformance('objects on Swift', place);
  testDriver('objects on Swift', place);
  testServerFaults('objects on Swift', place, faults);
  testConnections('objects on Swift', place);
  testKilledClients('objects on Swift', place);
  testTwoWriters('objects on Swift', place);
  testQuota('objects on Swift', 'container', () => ({ ...place(), container: 'small' }));

  testPermissions('objects on Swift', () => ({
    ...place(),
    user: 'test:writer',
    key: 'writing',
    container: 'shared',
  }));
  testExample('swift', () => {
    const { port, path, user, key } = place();
    return { ST_AUTH: `http://127.0.0.1:${port}${path}`, ST_USER: user, ST_KEY: key, SWIFT_CONTAINER: 'backups' };
  });

  testDriver('repository on Swift', repository);
  testServerFaults('repository on Swift', repository, [objectServer]);
  testKilledClients('repository on Swift', repository);
});
