import { afterAll, beforeAll } from '@jest/globals';
import { needing } from '../support/needing.js';
import { printOutcomes } from './support/outcomes.js';
import { testConnections, testPlace } from './support/place-tests.js';
import { createContainer } from './support/place.js';
import { installed, Server } from './support/server.js';

const present = installed('swift-proxy-server', 'swift-object-server', 'memcached', 'curl');

needing(present, 'swift-proxy, -account, -container, -object and memcached are not installed').describe('Swift', () => {
  let server: Server;
  const place = () => {
    const [port = 0] = server.ports;
    return { kind: 'swift', port, path: '/auth/v1.0', user: 'test:tester', key: 'testing', prefix: '' } as const;
  };
  const faults = () => [
    {
      name: 'object server killed in a PUT',
      begin: () => server.tell('kill', 'object'),
      end: () => server.tell('revive', 'object'),
    },
  ];

  beforeAll(async () => {
    server = await Server.start('swift', 5);
    await createContainer(place());
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    printOutcomes();
  });

  testPlace('objects on Swift', place, faults);
  testConnections('objects on Swift', place);
  testPlace('repository on Swift', () => ({ ...place(), isRepository: true }), faults);
});
