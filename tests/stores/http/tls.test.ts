import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { S3ObjectStore } from '../../../src/stores/index.js';

it('trusts the system’s authorities, or those it is given, and sends nothing to anybody else', async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  let requests = 0;
  const server = createServer({ key, cert }, (_, response) => {
    requests++;
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const storeWith = (options: object) =>
      new S3ObjectStore({
        endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        region: 'any',
        bucket: 'bucket',
        credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
        ...options,
      });
    await expect(storeWith({}).put('key', Buffer.from('x'))).rejects.toMatchObject({ reason: 'tls', retryable: false });
    expect(requests).toBe(0);
    await storeWith({ ca: cert }).put('key', Buffer.from('x'));
    await storeWith({ ca: [cert] }).put('key', Buffer.from('x'));
    expect(requests).toBe(2);
  } finally {
    server.closeAllConnections();
    await once(server.close(), 'close');
  }
});
