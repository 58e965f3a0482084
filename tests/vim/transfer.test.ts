import { once } from 'node:events';
import { ClientRequest } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createServer as createTlsServer, type Server } from 'node:tls';
import { describe, expect, jest, test } from '@jest/globals';
import { TransferError } from '../../src/index.js';
import { byteStream } from '../../src/stream/byte-stream.js';
import { ChunkReadable } from '../../src/stream/chunk-readable.js';
import { SoapVimSession, type UploadOptions } from '../../src/vim/index.js';
import { until } from '../support/until.js';
import { allOf, patternBytes, streamOf } from './support/bytes.js';
import { makeCertificate } from './support/certificate.js';
import { failureOf } from './support/failure.js';
import { SoapServer } from './support/soap-server.js';

const ticket = '52a1-ticket-7c';
const urlOf = (server: { readonly port: number }): string =>
  `https://127.0.0.1:${server.port}/nfc/${ticket}/disk-0.vmdk`;
const put = (length?: number): UploadOptions => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' },
  length,
});

/** A session with another server than those here, and no trust in any. */
const stranger = new SoapVimSession({ host: 'vc.example', username: 'u', password: 'p' });

/** A TLS server that answers in its own way once the first bytes of a request are there. */
class RawServer implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {
    server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  static async start(key: string, cert: string, answer: (socket: Socket) => void): Promise<RawServer> {
    const server = createTlsServer({ key, cert }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

describe('download', () => {
  test.each([
    ['with a length', true],
    ['chunked', false],
  ])('gives the whole body, %s', async (_name, announced) => {
    await using server = await SoapServer.start();
    const bytes = patternBytes(3_000_001);
    server.onRequest = (_request, response) => {
      if (announced) response.setHeader('Content-Length', bytes.length);
      streamOf(bytes).pipe(response);
    };
    const { stream, length } = await new SoapVimSession(server.options).download(urlOf(server));
    expect(length).toBe(announced ? bytes.length : undefined);
    // The driver takes it as it is, without a stream between.
    expect(byteStream(stream, (reason) => new TransferError(reason))).toBe(stream);
    expect((await allOf(stream)).equals(bytes)).toBe(true);
  });

  test.each([301, 302, 401, 403, 404, 206, 500, 503])('refuses HTTP %d, follows no redirect', async (status) => {
    await using server = await SoapServer.start();
    const seen: string[] = [];
    server.onRequest = (request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(status, { Location: '/elsewhere' }).write('an answer without an end');
    };
    const error = await failureOf(new SoapVimSession(server.options).download(urlOf(server)));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', status });
    expect(error.message).not.toContain(ticket);
    expect(seen).toHaveLength(1);
    await closesAllConnections(server);
  });

  test.each([
    ['with a length', true],
    ['chunked', false],
  ])('the stream fails where the connection is cut, %s', async (_name, announced) => {
    await using server = await SoapServer.start();
    let cut = (): unknown => undefined;
    server.onRequest = (_request, response) => {
      if (announced) response.setHeader('Content-Length', 100_000);
      response.write(patternBytes(50_000));
      cut = () => response.socket?.destroy();
    };
    const { stream } = await new SoapVimSession(server.options).download(urlOf(server));
    cut();
    const error = await failureOf(allOf(stream));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
    expect(error.message).toContain('connection was lost');
  });

  test.each(['Identity', 'IDENTITY', '', ' '])('takes a body with the coding %p, which is none', async (coding) => {
    const { key, cert, sha256 } = await makeCertificate();
    await using server = await RawServer.start(key, cert, (socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: 3\r\n\r\nabc`);
    });
    const { stream } = await stranger.download(urlOf(server), { thumbprint: sha256 });
    expect((await allOf(stream)).toString()).toBe('abc');
  });

  test.each(['user:pass@', 'user@'])('refuses a URL with credentials: %s', async (credentials) => {
    const error = await failureOf(stranger.download(`https://${credentials}127.0.0.1/nfc/${ticket}/disk-0.vmdk`));
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(error.message).not.toContain('user');
  });

  test('refuses a compressed body', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x');
    };
    expect(await failureOf(new SoapVimSession(server.options).download(urlOf(server)))).toMatchObject({
      code: 'TRANSFER_FAILED',
    });
  });

  test('refuses http: and what is no URL', async () => {
    const vim = new SoapVimSession({ host: 'h', username: 'u', password: 'p' });
    for (const url of ['http://h/nfc/x', 'disk-0.vmdk', 'ftp://h/x']) {
      expect(await failureOf(vim.download(url))).toMatchObject({ code: 'INVALID_INPUT', field: 'url' });
    }
  });

  test('an unreachable host is a TransferError', async () => {
    const port = await closedPort();
    const vim = new SoapVimSession({ host: 'h', username: 'u', password: 'p', insecure: true });
    const error = await failureOf(vim.download(`https://127.0.0.1:${port}/nfc/${ticket}/d`));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('abort before the head', async () => {
    await using server = await SoapServer.start();
    server.onRequest = () => undefined;
    const controller = new AbortController();
    const pending = failureOf(new SoapVimSession(server.options).download(urlOf(server), controller));
    await requestArrives(server);
    controller.abort(new Error('enough'));
    expect(await pending).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    await closesAllConnections(server);
  });

  test('a server that switches protocols is a TransferError', async () => {
    const { key, cert, sha256 } = await makeCertificate();
    await using server = await RawServer.start(key, cert, (socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    const error = await failureOf(stranger.download(urlOf(server), { thumbprint: sha256 }));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
    expect(error.message).toContain('closed without an answer');
    expect(error.message).not.toContain(ticket);
  });

  test('abort within the body', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (_request, response) => {
      response.write('begin');
    };
    const controller = new AbortController();
    const { stream } = await new SoapVimSession(server.options).download(urlOf(server), controller);
    const pending = failureOf(allOf(stream));
    controller.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED' });
    await closesAllConnections(server);
  });

  test('abort during the TLS handshake', async () => {
    const sockets: Socket[] = [];
    const silent = createTcpServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const controller = new AbortController();
    const vim = new SoapVimSession({ host: 'h', username: 'u', password: 'p', insecure: true });
    const pending = failureOf(
      vim.download(`https://127.0.0.1:${(silent.address() as AddressInfo).port}/d`, controller),
    );
    await once(silent, 'connection');
    controller.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED' });
    await once(sockets[0]!.resume(), 'close');
    silent.close();
  });

  test('destroying the stream closes the connection', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (_request, response) => {
      response.write('begin');
    };
    const { stream } = await new SoapVimSession(server.options).download(urlOf(server));
    stream.destroy();
    await closesAllConnections(server);
  });
});

describe('upload', () => {
  test('uses the memory of a chunk again once it is written, and no sooner', async () => {
    await using server = await SoapServer.start();
    const received: Buffer[] = [];
    server.onRequest = (request, response) => {
      // More than any buffer between takes waits for this.
      setTimeout(() => {
        request.on('data', (chunk: Buffer) => received.push(chunk));
        request.once('end', () => response.end());
      }, 100);
    };
    const bytes = patternBytes(24 * 2 ** 20);
    let at = 0;
    let released = 0;
    const source = new ChunkReadable({
      next: async () => {
        const chunk = Buffer.from(bytes.subarray(at, (at += 2 ** 20)));
        return chunk.length === 0 ? undefined : chunk;
      },
      release: (chunk) => {
        released++;
        chunk.fill(0);
      },
      close: () => Promise.resolve(),
    });
    await new SoapVimSession(server.options).upload(urlOf(server), source, put(bytes.length));
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    expect(released).toBe(24);
  });

  test.each([
    ['with a length', true],
    ['chunked', false],
  ])('sends the whole body, %s, and reads the answer', async (_name, announced) => {
    await using server = await SoapServer.start();
    const bytes = patternBytes(5_000_003);
    const received: { body?: Buffer; headers?: unknown } = {};
    server.onRequest = async (request, response) => {
      received.headers = request.headers;
      received.body = await allOf(request);
      response.writeHead(201).end('ok');
    };
    const vim = new SoapVimSession(server.options);
    await vim.upload(urlOf(server), streamOf(bytes, 1024 * 1024), put(announced ? bytes.length : undefined));
    expect(received.body?.equals(bytes)).toBe(true);
    expect(received.headers).toMatchObject(
      announced
        ? { 'content-length': String(bytes.length), 'content-type': 'application/x-vnd.vmware-streamVmdk' }
        : { 'transfer-encoding': 'chunked' },
    );
    expect(received.headers).not.toHaveProperty('expect');
    await closesAllConnections(server);
  });

  test('does not resolve before the answer', async () => {
    await using server = await SoapServer.start();
    const bytes = patternBytes(1000);
    let answered = false;
    server.onRequest = async (request, response) => {
      await allOf(request);
      setTimeout(() => {
        answered = true;
        response.writeHead(200).end();
      }, 200);
    };
    await new SoapVimSession(server.options).upload(urlOf(server), streamOf(bytes), put(bytes.length));
    expect(answered).toBe(true);
  });

  test('sends an empty body', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (request, response) => {
      request.resume();
      response.writeHead(200).end();
    };
    await new SoapVimSession(server.options).upload(urlOf(server), Readable.from([]), put(0));
  });

  test.each([403, 404, 500, 302])('an answer of %d after the body is a failure', async (status) => {
    await using server = await SoapServer.start();
    server.onRequest = async (request, response) => {
      await allOf(request);
      response.writeHead(status).end('no');
    };
    const error = await failureOf(
      new SoapVimSession(server.options).upload(urlOf(server), streamOf(patternBytes(1000)), put(1000)),
    );
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', status });
  });

  test('an early refusal is reported with its status', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (_request, response) => {
      response.writeHead(403).end('no');
    };
    // Ends only because the upload does.
    const source = new Readable({
      read() {
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const error = await failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(2 ** 40)));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', status: 403 });
    expect(source.destroyed).toBe(true);
    await closesAllConnections(server);
  });

  test('an early refusal that closes the connection is reported with its status', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (_request, response) => {
      response.writeHead(413, { Connection: 'close' }).end('no');
    };
    const source = new Readable({
      read() {
        setImmediate(() => this.push(Buffer.alloc(1024 * 1024)));
      },
    });
    const error = await failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(2 ** 40)));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', status: 413 });
  });

  test.each([
    ['closes', 'Connection: close\r\n'],
    ['says no more', ''],
  ])(
    'an acceptance before the whole body was sent, by a server that then %s, is a failure at once',
    async (_name, header) => {
      const { key, cert, sha256 } = await makeCertificate();
      await using server = await RawServer.start(key, cert, (socket) => {
        const answer = `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${header}\r\n`;
        if (header === '') socket.write(answer);
        else socket.end(answer);
      });
      const source = streamOf(Buffer.alloc(40_000_000));
      const upload = stranger.upload(urlOf(server), source, { ...put(40_000_000), thumbprint: sha256 });
      const error = await failureOf(upload);
      expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
      expect(error.message).toMatch(/HTTP 200 after \d+ of 40000000 bytes/);
      expect(source.destroyed).toBe(true);
    },
  );

  test('an acceptance with the last byte is one, whatever the source still has to do', async () => {
    await using server = await SoapServer.start();
    server.onRequest = async (request, response) => {
      await allOf(request);
      response.end();
    };
    const source = new PassThrough();
    const upload = new SoapVimSession(server.options).upload(urlOf(server), source, put(3));
    source.write('abc');
    setTimeout(() => source.end(), 50);
    await upload;
  });

  test('an acceptance that comes before the last bytes are known to be sent is one', async () => {
    await using server = await SoapServer.start();
    let isConnected = false;
    server.onRequest = (request, response) => {
      isConnected = true;
      request.resume();
      request.once('end', () => response.end());
    };
    // As it is where the machine is busy: the answer is read first, and then the connection is of no more interest to Node.
    const emit = ClientRequest.prototype.emit;
    const spy = jest.spyOn(ClientRequest.prototype, 'emit').mockImplementation(function (
      this: ClientRequest,
      ...event: Parameters<typeof emit>
    ) {
      return event[0] !== ('drain' as unknown) && emit.apply(this, event);
    } as typeof emit);
    try {
      const source = new PassThrough();
      source.write(patternBytes(1));
      const upload = new SoapVimSession(server.options).upload(urlOf(server), source, put(1_000_001));
      await until(() => isConnected);
      source.end(patternBytes(1_000_000));
      await upload;
    } finally {
      spy.mockRestore();
    }
  });

  test('a source that is too short fails and the server never sees a whole body', async () => {
    await using server = await SoapServer.start();
    let whole = false;
    server.onRequest = (request) => {
      request.resume().on('end', () => (whole = true));
      request.on('error', () => {});
    };
    const error = await failureOf(
      new SoapVimSession(server.options).upload(urlOf(server), streamOf(patternBytes(1000)), put(1001)),
    );
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED' });
    expect(error).toMatchObject({
      retryable: false,
      message: expect.stringContaining('1000 of the announced 1001') as unknown,
    });
    await closesAllConnections(server);
    expect(whole).toBe(false);
  });

  test('a source that is too long fails before the excess is sent', async () => {
    await using server = await SoapServer.start();
    let received = 0;
    server.onRequest = (request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length));
      request.on('end', () => response.writeHead(200).end());
      request.on('error', () => {});
    };
    const error = await failureOf(
      new SoapVimSession(server.options).upload(urlOf(server), streamOf(patternBytes(3000), 1000), put(2500)),
    );
    expect(error.message).toContain('longer than the announced 2500');
    await closesAllConnections(server);
    expect(received).toBeLessThanOrEqual(2500);
  });

  test('a source that goes on after the announced length fails, even where the server is already content', async () => {
    await using server = await SoapServer.start();
    server.onRequest = async (request, response) => {
      await allOf(request);
      response.writeHead(200).end();
    };
    const source = new PassThrough();
    source.write(patternBytes(1000));
    const pending = failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(1000)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    source.end('more');
    expect((await pending).message).toContain('longer than the announced 1000');
  });

  test('a source that fails ends the upload with its own error', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.resume().on('error', () => {});
    };
    const source = new PassThrough();
    source.write('begin');
    const pending = failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(100)));
    await requestArrives(server);
    source.destroy(new Error('EIO of the disk'));
    expect((await pending).message).toBe('EIO of the disk');
    await closesAllConnections(server);
  });

  test.each([
    ['already destroyed', (source: PassThrough) => source.destroy()],
    ['destroyed later', (source: PassThrough) => setTimeout(() => source.destroy(), 100)],
  ])('a source that is %s does not hang the upload', async (_name, destroy) => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.resume().on('error', () => {});
    };
    const source = new PassThrough();
    destroy(source);
    const error = await failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(100)));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED' });
  });

  test.each([
    ['was destroyed', async (source: PassThrough) => source.destroy(), 'closed before its end'],
    [
      'failed',
      async (source: PassThrough) => source.on('error', () => {}).destroy(new Error('read')),
      'before its end',
    ],
    ['was read', async (source: PassThrough) => buffer(source.end('x')), 'read before'],
  ])('a source that %s long before ends the upload', async (_name, end, message) => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.resume().on('error', () => {});
    };
    const source = new PassThrough();
    await end(source);
    await new Promise(setImmediate);
    const error = await failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put()));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED' });
    expect(error.message).toContain(message);
  });

  test('a connection that is cut is a TransferError', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.once('data', () => request.socket.destroy());
      request.on('error', () => {});
    };
    const source = new Readable({
      read() {
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const error = await failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, put(2 ** 40)));
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true, status: undefined });
    expect(source.destroyed).toBe(true);
  });

  test('a server that closes without an answer is a TransferError', async () => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.resume().on('end', () => request.socket.destroy());
    };
    const error = await failureOf(
      new SoapVimSession(server.options).upload(urlOf(server), streamOf(patternBytes(1000)), put(1000)),
    );
    expect(error).toMatchObject({ code: 'TRANSFER_FAILED', status: undefined });
  });

  test.each([
    ['while sending', false],
    ['while waiting for the answer', true],
  ])('abort %s', async (_name, ends) => {
    await using server = await SoapServer.start();
    server.onRequest = (request) => {
      request.resume().on('error', () => {});
    };
    const source = new PassThrough();
    source.write(patternBytes(1000));
    if (ends) source.end();
    const controller = new AbortController();
    const options = { ...put(ends ? 1000 : 2000), signal: controller.signal };
    const pending = failureOf(new SoapVimSession(server.options).upload(urlOf(server), source, options));
    await requestArrives(server);
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED' });
    expect(source.destroyed).toBe(true);
    await closesAllConnections(server);
  });

  test('an aborted signal destroys the source too', async () => {
    const source = new PassThrough();
    const vim = new SoapVimSession({ host: 'h', username: 'u', password: 'p' });
    const options = { ...put(1), signal: AbortSignal.abort() };
    expect(await failureOf(vim.upload('https://h/x', source, options))).toMatchObject({ code: 'ABORTED' });
    expect(source.destroyed).toBe(true);
  });
});

describe('trust of the data plane', () => {
  test.each(['sha1', 'sha256'] as const)(
    'takes the %s of the lease, also where the session trusts otherwise',
    async (kind) => {
      await using server = await SoapServer.start();
      server.onRequest = (_request, response) => response.end('disk');
      const vim = new SoapVimSession({ host: 'vc.example', username: 'u', password: 'p' });
      const { stream } = await vim.download(urlOf(server), { thumbprint: server.certificate[kind] });
      expect((await allOf(stream)).toString()).toBe('disk');
    },
  );

  test.each([
    ['another thumbprint', `${'AB:'.repeat(19)}AB`],
    ['a malformed thumbprint', 'AB:CD'],
  ])('fails closed on %s, also in an insecure session', async (_name, thumbprint) => {
    await using server = await SoapServer.start();
    let requests = 0;
    server.onRequest = (_request, response) => {
      requests++;
      response.end('disk');
    };
    const vim = new SoapVimSession({ host: 'vc.example', username: 'u', password: 'p', insecure: true });
    expect(await failureOf(vim.download(urlOf(server), { thumbprint }))).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
      expected: thumbprint,
    });
    const source = streamOf(patternBytes(10));
    expect(await failureOf(vim.upload(urlOf(server), source, { ...put(10), thumbprint }))).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
    });
    expect(source.destroyed).toBe(true);
    expect(requests).toBe(0);
  });

  test.each([undefined, ''])("with thumbprint %p: the pin is the session server's only", async (thumbprint) => {
    const certificate = await makeCertificate();
    await using server = await SoapServer.start(certificate);
    await using other = await SoapServer.start(certificate);
    server.onRequest = other.onRequest = (_request, response) => response.end('disk');
    const vim = new SoapVimSession(server.options);
    expect((await allOf((await vim.download(urlOf(server), { thumbprint })).stream)).toString()).toBe('disk');
    expect(await failureOf(vim.download(urlOf(other), { thumbprint }))).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
    });
  });

  test("the lease's certificate counts, also beside a thumbprint", async () => {
    await using server = await SoapServer.start();
    const { cert } = server.certificate;
    const { cert: another, sha1 } = await makeCertificate();
    server.onRequest = (_request, response) => response.end('disk');
    for (const thumbprint of [undefined, '', sha1]) {
      const { stream } = await stranger.download(urlOf(server), { certificate: cert, thumbprint });
      expect((await allOf(stream)).toString()).toBe('disk');
    }
    const right = { thumbprint: server.certificate.sha1 };
    for (const certificate of [another, 'no certificate']) {
      const error = await failureOf(stranger.download(urlOf(server), { ...right, certificate }));
      expect(error).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
    }
  });

  test('the pin for NFC hosts counts for other hosts than the session server, of which the lease tells nothing', async () => {
    await using server = await SoapServer.start();
    await using host = await SoapServer.start();
    server.onRequest = host.onRequest = (_request, response) => response.end('disk');
    const vim = new SoapVimSession({ ...server.options, nfcThumbprint: host.certificate.sha256 });
    for (const url of [urlOf(server), urlOf(host)]) {
      expect((await allOf((await vim.download(url, { thumbprint: '' })).stream)).toString()).toBe('disk');
    }
    const lease = { thumbprint: server.certificate.sha256 };
    expect(await failureOf(vim.download(urlOf(host), lease))).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
  });

  test('a certificate that is not trusted is shown, with what to do about it', async () => {
    await using server = await SoapServer.start();
    await using host = await SoapServer.start();
    const vim = new SoapVimSession(server.options);
    const error = await failureOf(vim.download(urlOf(host)));
    expect(error).toMatchObject({ code: 'TLS_VERIFICATION_FAILED', actual: host.certificate.sha256 });
    for (const said of [host.certificate.sha256, '`nfcThumbprint`', '`ca`']) expect(error.message).toContain(said);
    const unpinned = new SoapVimSession({ ...server.options, thumbprint: undefined });
    expect((await failureOf(unpinned.connect())).message).toContain('give it as `thumbprint`, or its issuer as `ca`');
  });

  test("without a thumbprint: the session's CA, for any host", async () => {
    await using server = await SoapServer.start();
    await using stranger = await SoapServer.start();
    server.onRequest = stranger.onRequest = (_request, response) => response.end('disk');
    const vim = new SoapVimSession({ host: 'vc.example', username: 'u', password: 'p', ca: server.certificate.cert });
    expect((await allOf((await vim.download(urlOf(server))).stream)).toString()).toBe('disk');
    expect(await failureOf(vim.download(urlOf(stranger)))).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
  });

  test("without any trust given: the system's, and fails closed", async () => {
    await using server = await SoapServer.start();
    const vim = new SoapVimSession({ host: 'vc.example', username: 'u', password: 'p' });
    expect(await failureOf(vim.download(urlOf(server)))).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
  });

  test('a wrong pin: not one byte of a request leaves', async () => {
    const { key, cert, sha1 } = await makeCertificate();
    let bytes = 0;
    const server = createTlsServer({ key, cert }, (socket) => {
      socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const vim = new SoapVimSession({ host: 'h', username: 'u', password: 'p' });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/nfc`;
    const wrong = sha1.replace(/^../, sha1.startsWith('00') ? '01' : '00');
    expect(await failureOf(vim.download(url, { thumbprint: wrong }))).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
      expected: wrong,
      actual: sha1,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bytes).toBe(0);
    // The counter counts: with the right pin there are bytes.
    const controller = new AbortController();
    const pending = failureOf(vim.download(url, { thumbprint: sha1, signal: controller.signal }));
    await until(() => bytes > 0);
    controller.abort();
    await pending;
    expect(bytes).toBeGreaterThan(0);
    server.close();
  });

  test('works over IPv6', async () => {
    await using server = await SoapServer.start(undefined, '::1');
    server.onRequest = (_request, response) => response.end('disk');
    const vim = new SoapVimSession({ ...server.options, host: '[::1]' });
    const { stream } = await vim.download(`https://[::1]:${server.port}/nfc`);
    expect((await allOf(stream)).toString()).toBe('disk');
  });
});

describe('the session cookie', () => {
  test("goes to the session's own host and port only", async () => {
    await using server = await SoapServer.start();
    await using other = await SoapServer.start(server.certificate);
    const seen: (string | undefined)[] = [];
    server.onRequest = other.onRequest = (request, response) => {
      seen.push(request.headers.cookie);
      request.resume();
      response.writeHead(200).end('x');
    };
    const vim = new SoapVimSession(server.options);
    await vim.connect();
    const thumbprint = server.certificate.sha1;
    await allOf((await vim.download(urlOf(server))).stream);
    await vim.upload(urlOf(server), streamOf(Buffer.from('x')), put(1));
    expect(seen).toEqual(Array(2).fill(`vmware_soap_session="${server.cookies[0]!}"`));
    seen.length = 0;
    await allOf((await vim.download(urlOf(other), { thumbprint })).stream);
    await vim.upload(urlOf(other), streamOf(Buffer.from('x')), { ...put(1), thumbprint });
    await allOf((await vim.download(`https://localhost:${server.port}/x`, { thumbprint })).stream);
    expect(seen).toEqual([undefined, undefined, undefined]);
    await vim.disconnect();
  });
});

async function requestArrives(server: SoapServer): Promise<void> {
  await once(server.server, 'request');
}

async function closesAllConnections({ server }: SoapServer): Promise<void> {
  const open = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  await until(async () => (await open()) === 0);
}

async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
