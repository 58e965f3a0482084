import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { needing } from '../support/needing.js';
import { printOutcomes } from './support/outcomes.js';
import { testConnections, testPlace } from './support/place-tests.js';
import { createContainer } from './support/place.js';
import { installed, Server } from './support/server.js';

const present = installed('ceph-mon', 'ceph-osd', 'radosgw', 'rbd', 'curl');

needing(present, 'ceph-mon, ceph-osd, radosgw and ceph-common are not installed').describe('Ceph', () => {
  let server: Server;
  const port = () => server.ports[1] ?? 0;
  const swift = () =>
    ({ kind: 'swift', port: port(), path: '/auth/v1.0', user: 'backup:swift', key: 'secret', prefix: '' }) as const;
  const s3 = () => ({ kind: 's3', port: port(), prefix: '' }) as const;
  const gateway = () => [
    {
      name: 'radosgw killed in a PUT',
      begin: () => server.tell('kill', 'rgw'),
      end: () => server.tell('revive', 'rgw'),
    },
  ];
  const cluster = () => [
    { name: 'OSD stands still', begin: () => server.tell('pause', 'osd'), end: () => server.tell('resume', 'osd') },
  ];

  beforeAll(async () => {
    server = await Server.start('ceph', 2);
    await createContainer(swift());
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    printOutcomes();
  });

  testPlace('objects on radosgw (S3)', s3, gateway);
  testConnections('objects on radosgw (S3)', s3);
  testPlace('objects on radosgw (Swift)', swift, gateway);
  testPlace('images of RBD', () => ({ kind: 'rbd', conf: join(server.directory, 'ceph.conf'), prefix: '' }), cluster);
  testPlace('repository on radosgw (S3)', () => ({ ...s3(), isRepository: true }), gateway);
});
