import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { needing } from '../support/needing.js';
import { allow, createLockingBucket } from './support/buckets.js';
import { testServiceConformance, testStoreConformance } from './support/conformance-tests.js';
import { testConnections } from './support/connection-tests.js';
import { testDriver } from './support/driver-tests.js';
import { testExample } from './support/example-tests.js';
import { testKilledClients } from './support/killed-client-tests.js';
import { testPermissions } from './support/permission-tests.js';
import { createContainer } from './support/place.js';
import { testFullCluster, testQuota } from './support/quota-tests.js';
import { testAwsSdk } from './support/sdk-tests.js';
import { installed, Server } from './support/server.js';
import { testPausedServer, testServerFaults } from './support/server-fault-tests.js';
import { testTwoWriters } from './support/writer-tests.js';

const present = installed('ceph-mon', 'ceph-osd', 'radosgw', 'rbd', 'curl');

needing(present, 'ceph-mon, ceph-osd, radosgw and ceph-common are not installed').describe('Ceph', () => {
  let server: Server;
  const port = () => server.ports[1] ?? 0;
  const swiftOf = (uid: string) =>
    ({ kind: 'swift', port: port(), path: '/auth/v1.0', user: `${uid}:swift`, key: 'secret', prefix: '' }) as const;
  const swift = () => swiftOf('backup');
  const s3 = () => ({ kind: 's3', port: port(), key: 'key', prefix: '' }) as const;
  const rbd = () => ({ kind: 'rbd', conf: join(server.directory, 'ceph.conf'), prefix: '' }) as const;
  const repository = () => ({ ...s3(), isRepository: true });
  const gateway = {
    name: 'radosgw killed and restarted',
    begin: () => server.tell('kill', 'rgw'),
    end: () => server.tell('revive', 'rgw'),
  };
  const cluster = {
    name: 'the OSD stands still',
    begin: () => server.tell('pause', 'osd'),
    end: () => server.tell('resume', 'osd'),
  };

  const full = {
    name: 'the cluster is full',
    begin: () => server.tell('fill'),
    end: () => server.tell('empty'),
  };

  beforeAll(async () => {
    server = await Server.start('ceph', 2);
    await createContainer(swift());
    await createContainer(swiftOf('poor'), 'small');
    await createContainer(swift(), 'shared');
    await allow(port(), 'shared', 'poor');
    await createLockingBucket(port(), 'locking');
    await server.tell('add-rbd-user');
  });

  afterAll(() => server[Symbol.asyncDispose]());

  testStoreConformance('radosgw (S3)', s3);
  testStoreConformance('radosgw (S3, a bucket with locks)', () => ({ ...s3(), container: 'locking' }), { locks: true });
  testAwsSdk('radosgw (S3)', s3);
  testServiceConformance('objects on radosgw (S3)', s3);
  testDriver('objects on radosgw (S3)', s3);
  testServerFaults('objects on radosgw (S3)', s3, [gateway]);
  testPausedServer('objects on radosgw (S3)', s3, cluster);
  testConnections('objects on radosgw (S3)', s3);
  testKilledClients('objects on radosgw (S3)', s3);
  testTwoWriters('objects on radosgw (S3)', s3);
  testQuota('objects on radosgw (S3)', 'user', () => ({ ...s3(), key: 'poor-key', container: 'small' }));

  testPermissions('objects on radosgw (S3)', () => ({ ...s3(), key: 'poor-key', container: 'shared' }));

  testStoreConformance('radosgw (Swift)', swift);
  testDriver('objects on radosgw (Swift)', swift);
  testServerFaults('objects on radosgw (Swift)', swift, [gateway]);
  testKilledClients('objects on radosgw (Swift)', swift);
  testTwoWriters('objects on radosgw (Swift)', swift);
  testQuota('objects on radosgw (Swift)', 'user', () => ({ ...swiftOf('poor'), container: 'small' }));

  testServiceConformance('images of RBD', () => ({ ...rbd(), container: 'checks' }));
  testDriver('images of RBD', rbd);
  testPausedServer('images of RBD', rbd, cluster);
  testPausedServer('images of RBD', rbd, full);
  testFullCluster('images of RBD', rbd, full);
  testKilledClients('images of RBD', rbd);
  testTwoWriters('images of RBD', rbd);

  testPermissions('images of RBD', () => ({ ...rbd(), id: 'backup' }));

  testExample('s3', () => ({
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port()}`,
    AWS_REGION: 'default',
    AWS_ACCESS_KEY_ID: s3().key,
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'backups',
  }));
  testExample('rbd', () => ({ CEPH_POOL: 'backups', CEPH_CONF: rbd().conf }));

  testDriver('repository on radosgw (S3)', repository);
  testServerFaults('repository on radosgw (S3)', repository, [gateway]);
  testKilledClients('repository on radosgw (S3)', repository);
});
