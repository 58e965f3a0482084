import { execFile } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { inspect, promisify } from 'node:util';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Logger } from '../../src/logger.js';
import { readProperties, SoapVimSession } from '../../src/vim/index.js';
import { runTask } from '../../src/vim/run-task.js';
import { SoapClient } from '../../src/vim/soap/soap-client.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';
import { makeCertificate } from './support/certificate.js';
import { failureOf } from './support/failure.js';
import {
  faultEnvelope,
  password,
  resultEnvelope,
  serviceContent,
  type SoapAnswer,
  type SoapCall,
  SoapServer,
  username,
} from './support/soap-server.js';

const root = { type: 'ServiceInstance', value: 'ServiceInstance' };
const vm = { type: 'VirtualMachine', value: 'vm-1' };
const lease = { type: 'HttpNfcLease', value: 'lease-1' };
const now = '<returnval>2026-01-01T00:00:00Z</returnval>';
const task = '<returnval type="Task">task-1</returnval>';
const rename = { newName: 'volume-1' };
const readVm = { specSet: [{ propSet: [{ type: 'VirtualMachine' }], objectSet: [{ obj: vm }] }], options: {} };
const shownVm =
  '<returnval><objects><obj type="VirtualMachine">vm-1</obj>' +
  '<propSet><name>name</name><val xsi:type="xsd:string">v</val></propSet></objects></returnval>';
const noCurrentSession = '<returnval><objects><obj type="SessionManager">SessionManager</obj></objects></returnval>';
const currentSession = noCurrentSession.replace(
  '</obj>',
  '</obj><propSet><name>currentSession</name><val xsi:type="UserSession"><key>k</key><userName>u</userName><fullName/>' +
    '<loginTime>2026-01-01T00:00:00Z</loginTime><lastActiveTime>2026-01-01T00:00:00Z</lastActiveTime>' +
    '<locale>en</locale><messageLocale>en</messageLocale></val></propSet>',
);

/** A connected session that is disconnected in the end. */
async function connected(server: SoapServer, options: object = {}): Promise<SoapVimSession> {
  const session = new SoapVimSession({ ...server.options, ...options });
  await session.connect();
  return session;
}

/** Answers as a server that checks the session does. */
const guarded =
  (server: SoapServer, answer: SoapAnswer) =>
  (call: Parameters<typeof server.isAuthenticated>[0]): SoapAnswer =>
    server.isAuthenticated(call) ? answer : { fault: 'NotAuthenticated', message: 'The session is not authenticated.' };

describe('a session', () => {
  test('logs in, calls, logs out', async () => {
    await using server = await SoapServer.start();
    const vim = new SoapVimSession(server.options);
    await vim.connect();
    await vim.connect();
    expect(vim.serviceContent.rootFolder).toEqual({ type: 'Folder', value: 'group-d1' });
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    await vim.disconnect();
    await vim.disconnect();
    expect(server.calls.map(({ method }) => method)).toEqual([
      'RetrieveServiceContent',
      'Login',
      'CurrentTime',
      'Logout',
    ]);
    expect(server.calls[1]!.body).toContain('<locale>en</locale>');
    expect(server.sessions.size).toBe(0);
  });

  test('`await using` logs out', async () => {
    await using server = await SoapServer.start();
    {
      await using vim = await connected(server);
      expect(vim.host).toBe('127.0.0.1');
      expect(server.sessions.size).toBe(1);
    }
    expect(server.sessions.size).toBe(0);
  });

  test('an abort ends the connect() of its caller, and no other that waits for the same login', async () => {
    await using server = await SoapServer.start();
    let logIn = (): void => undefined;
    const slow = new Promise<void>((resolve) => (logIn = resolve));
    server.handlers['RetrieveServiceContent'] = async () => {
      await slow;
      return serviceContent;
    };
    await using vim = new SoapVimSession(server.options);
    const controller = new AbortController();
    const first = failureOf(vim.connect({ signal: controller.signal }));
    const second = vim.connect();
    controller.abort();
    expect(await first).toMatchObject({ code: 'ABORTED' });
    logIn();
    await second;
    expect(vim.serviceContent.rootFolder.value).toBe('group-d1');
    expect(server.count('Login')).toBe(1);
  });

  test('the last whose connect() fails closes the connection, and the next begins anew', async () => {
    await using server = await SoapServer.start();
    server.handlers['RetrieveServiceContent'] = () => new Promise<never>(() => undefined);
    const vim = new SoapVimSession(server.options);
    const controllers = [new AbortController(), new AbortController()];
    const failures = controllers.map(({ signal }) => failureOf(vim.connect({ signal })));
    await until(() => server.calls.length === 1);
    for (const controller of controllers) controller.abort();
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'ABORTED' });
    expect(() => vim.serviceContent).toThrow('not connected');
    delete server.handlers['RetrieveServiceContent'];
    await vim.connect();
    await vim.disconnect();
  });

  test('is of no use before connect and after disconnect', async () => {
    await using server = await SoapServer.start();
    const vim = new SoapVimSession(server.options);
    const notConnected = { code: 'VIM_CONNECTION_FAILED', outcome: 'not-sent', retryable: false };
    expect(() => vim.serviceContent).toThrow(expect.objectContaining(notConnected));
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject(notConnected);
    await vim.connect();
    await vim.disconnect();
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject(notConnected);
    await vim.connect();
    await vim.invoke('CurrentTime', root, {});
    await vim.disconnect();
  });

  test('disconnect does not throw when the server is gone', async () => {
    let vim: SoapVimSession;
    {
      await using server = await SoapServer.start();
      vim = await connected(server);
    }
    await vim.disconnect();
  });

  test('disconnect ends calls under way', async () => {
    await using server = await SoapServer.start();
    const vim = await connected(server);
    const arrived = new Promise<void>((resolve) => {
      server.handlers['CurrentTime'] = () => {
        resolve();
        return () => {};
      };
    });
    const pending = failureOf(vim.invoke('CurrentTime', root, {}));
    await arrived;
    await vim.disconnect();
    expect(await pending).toMatchObject({ code: 'VIM_CONNECTION_FAILED', retryable: false });
    expect(server.count('CurrentTime')).toBe(1);
  });

  test('a wrong password is refused, once', async () => {
    await using server = await SoapServer.start();
    const vim = new SoapVimSession({ ...server.options, password: 'wrong' });
    expect(await failureOf(vim.connect())).toMatchObject({ code: 'INVALID_LOGIN', retryable: false });
    expect(server.count('Login')).toBe(1);
    expect(() => vim.serviceContent).toThrow();
  });

  test('sends all cookies the server sets, as they are', async () => {
    await using server = await SoapServer.start();
    server.handlers['RetrieveServiceContent'] = async () => {
      const { serviceContent, resultEnvelope } = await import('./support/soap-server.js');
      return (response) => {
        response.setHeader('Set-Cookie', ['route=a=b; Path=/', 'gone=1; Max-Age=0', 'JSESSIONID="x y"; HttpOnly']);
        response.end(resultEnvelope('RetrieveServiceContent', serviceContent));
      };
    };
    await using vim = await connected(server);
    await vim.invoke('CurrentTime', root, {});
    expect(server.calls.at(-1)!.cookie).toBe(
      `route=a=b; JSESSIONID="x y"; vmware_soap_session="${server.cookies[0]!}"`,
    );
  });

  test('an expired cookie is dropped', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    const own = `vmware_soap_session="${server.cookies[0]!}"`;
    const past = 'Thu, 01 Jan 1970 00:00:00 GMT';
    const future = new Date(Date.now() + 3_600_000).toUTCString();
    const set = [
      `a=1; Expires=${past}`,
      `b=2; expires=${future}; Path=/`,
      'c=3; Max-Age=-1',
      `d=4; Max-Age=60; Expires=${past}`,
      `e=5; Max-Age=0; Expires=${future}`,
      'f=6; Expires=whenever',
    ];
    server.handlers['CurrentTime'] = () => (response) =>
      response.writeHead(200, { 'Set-Cookie': set }).end(resultEnvelope('CurrentTime', now));
    await vim.invoke('CurrentTime', root, {});
    await vim.invoke('CurrentTime', root, {});
    expect(server.calls.at(-1)!.cookie).toBe(`${own}; b=2; d=4; f=6`);
  });

  test('works over IPv6', async () => {
    await using server = await SoapServer.start(undefined, '::1');
    await using vim = await connected(server, { host: '::1' });
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    expect(server.calls[0]!.request.headers.host).toBe(`[::1]:${server.port}`);
  });
});

describe('trust', () => {
  test.each(['sha1', 'sha256'] as const)('the right %s', async (kind) => {
    await using server = await SoapServer.start();
    const print = server.certificate[kind];
    for (const thumbprint of [print, print.toLowerCase().replaceAll(':', '')]) {
      await using vim = await connected(server, { thumbprint });
      await vim.invoke('CurrentTime', root, {});
    }
  });

  test.each(['sha1', 'sha256'] as const)('a wrong %s: not one byte of a request, no second try', async (kind) => {
    const certificate = await makeCertificate();
    let bytes = 0;
    let connections = 0;
    const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, (socket) => {
      socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    server.on('connection', () => connections++);
    await once(server, 'listening');
    const actual = certificate[kind];
    const thumbprint = actual.replace(/..$/, actual.endsWith('00') ? '01' : '00');
    const { port } = server.address() as AddressInfo;
    const error = await failureOf(
      new SoapVimSession({ host: '127.0.0.1', port, username, password, thumbprint }).connect(),
    );
    expect(error).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
      peer: `127.0.0.1:${port}`,
      expected: thumbprint,
      actual,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([bytes, connections]).toEqual([0, 1]);
    server.close();
  });

  test('its CA, for the name it was made out to only', async () => {
    await using server = await SoapServer.start();
    await using other = await SoapServer.start(await makeCertificate(['vcenter.example']));
    const withCa = { thumbprint: undefined, ca: server.certificate.cert };
    {
      await using vim = await connected(server, withCa);
      await vim.invoke('CurrentTime', root, {});
    }
    {
      await using vim = await connected(server, { ...withCa, ca: [other.certificate.cert, server.certificate.cert] });
      await vim.invoke('CurrentTime', root, {});
    }
    const untrusted = await failureOf(new SoapVimSession({ ...other.options, ...withCa }).connect());
    expect(untrusted).toMatchObject({ code: 'TLS_VERIFICATION_FAILED', actual: other.certificate.sha256 });
    const misnamed = { ...other.options, thumbprint: undefined, ca: other.certificate.cert };
    expect(await failureOf(new SoapVimSession(misnamed).connect())).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
    expect(other.calls).toHaveLength(0);
  });

  describe('with NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
    afterEach(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    });

    test.each(['0', undefined])(
      '%p: an unknown certificate is refused unless it is said to be insecure',
      async (value) => {
        if (value !== undefined) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = value;
        await using server = await SoapServer.start();
        const unpinned = { ...server.options, thumbprint: undefined };
        expect(await failureOf(new SoapVimSession(unpinned).connect())).toMatchObject({
          code: 'TLS_VERIFICATION_FAILED',
        });
        expect(server.calls).toHaveLength(0);
        await using vim = await connected(server, { thumbprint: undefined, insecure: true });
        await vim.invoke('CurrentTime', root, {});
      },
    );
  });
});

describe('faults', () => {
  test('are told by their type, with their fields', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = () => ({
      fault: 'DuplicateName',
      message: 'The name &apos;volume-1&apos; already exists.',
      detail: '<name>volume-1</name><object type="VirtualMachine">vm-7</object>',
    });
    const error = await failureOf(vim.invoke('Rename_Task', vm, rename));
    expect(error).toMatchObject({
      code: 'VIM_FAULT',
      faultName: 'DuplicateName',
      method: 'Rename_Task',
      detail: { name: 'volume-1', object: { type: 'VirtualMachine', value: 'vm-7' } },
      message: "Rename_Task: DuplicateName: The name 'volume-1' already exists.",
    });
    expect(error.cause).toBeUndefined();
    expect(server.count('Rename_Task')).toBe(1);
  });

  test("the type wins over the element's name", async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['CurrentTime'] = () => ({
      fault: 'SystemError',
      element: 'RuntimeFaultFault',
      detail: '<reason>r</reason>',
    });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({
      faultName: 'SystemError',
      detail: { reason: 'r' },
    });
  });

  test.each([
    [
      'by element name',
      faultEnvelope('X')
        .replace(/ xsi:type="X"/, '')
        .replaceAll('XFault', 'HostNotConnectedFault'),
      'HostNotConnected',
      {},
    ],
    [
      'unknown type',
      faultEnvelope('BrandNew', 'm', '<a>1</a><b type="Task">t</b>'),
      'BrandNew',
      { a: '1', b: { type: 'Task', value: 't' } },
    ],
    ['lacking what its type needs', faultEnvelope('DuplicateName'), 'DuplicateName', {}],
    ['without detail', faultEnvelope('X', 'm').replace(/<detail>.*<\/detail>/, ''), 'RuntimeFault', {}],
    ['with empty text', faultEnvelope('NotSupported'), 'NotSupported', {}],
  ])('%s', async (_name, body, faultName, detail) => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['CurrentTime'] = () => (response) => response.writeHead(500).end(body);
    const error = await failureOf(vim.invoke('CurrentTime', root, {}));
    expect(error).toMatchObject({ code: 'VIM_FAULT', faultName });
    expect('detail' in error && error.detail).toEqual(detail);
    expect(error.message).not.toContain('undefined');
  });
});

describe('an expired session', () => {
  test('is renewed once for 20 calls, each of which then succeeds', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = guarded(server, task);
    server.sessions.clear();
    const tasks = await Promise.all(Array.from({ length: 20 }, () => vim.invoke('Rename_Task', vm, rename)));
    expect(tasks).toEqual(Array(20).fill({ type: 'Task', value: 'task-1' }));
    expect(server.count('Login')).toBe(2);
    expect(server.count('Rename_Task')).toBe(40);
  });

  test("is told by the fault's type, also of another namespace, and NoPermission is none", async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    const answers: SoapAnswer[] = [{ fault: 'PbmFaultNotAuthenticated' }, now];
    server.handlers['CurrentTime'] = () => answers.shift()!;
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    expect(server.count('Login')).toBe(2);
    server.handlers['CurrentTime'] = () => ({
      fault: 'NoPermission',
      message: 'not authenticated',
      detail: '<object type="Folder">f</object><privilegeId>System.View</privilegeId>',
    });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({
      faultName: 'NoPermission',
      detail: { privilegeId: 'System.View' },
    });
    expect(server.count('Login')).toBe(2);
  });

  test('is also told by properties that cannot be read for that reason', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    const missing =
      '<returnval><objects><obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault>' +
      '<fault xsi:type="NotAuthenticated"><object type="Folder">f</object><privilegeId>System.Read</privilegeId></fault>' +
      '<localizedMessage></localizedMessage></fault></missingSet></objects></returnval>';
    const answers = [missing, shownVm];
    server.handlers['RetrievePropertiesEx'] = () => answers.shift()!;
    expect(await vim.invoke('RetrievePropertiesEx', vm, readVm)).toMatchObject({ objects: [{ obj: vm }] });
    expect(server.count('Login')).toBe(2);

    const update =
      '<returnval><version>1</version><filterSet><filter type="PropertyFilter">f</filter><objectSet><kind>enter</kind>' +
      '<obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault><fault xsi:type="NotAuthenticated"/>' +
      '</fault></missingSet></objectSet></filterSet></returnval>';
    const updates = [update, ''];
    server.handlers['WaitForUpdatesEx'] = () => updates.shift()!;
    expect(await vim.invoke('WaitForUpdatesEx', vm, {})).toBeUndefined();
    expect(server.count('Login')).toBe(3);
  });

  describe('that is answered with nothing', () => {
    /** The property collector of a server that says nothing to a session that has ended. */
    const silent =
      (server: SoapServer, answer: () => SoapAnswer) =>
      (call: SoapCall): SoapAnswer => {
        if (!server.isAuthenticated(call)) return '';
        return call.body.includes('currentSession') ? currentSession : answer();
      };

    test('is told from an answer of nothing by the session itself', async () => {
      await using server = await SoapServer.start();
      await using vim = await connected(server);
      let answer: SoapAnswer = shownVm;
      server.handlers['RetrievePropertiesEx'] = silent(server, () => answer);
      server.sessions.clear();
      expect(await vim.invoke('RetrievePropertiesEx', vm, readVm)).toMatchObject({ objects: [{ obj: vm }] });
      expect(server.count('Login')).toBe(2);
      answer = '';
      expect(await vim.invoke('RetrievePropertiesEx', vm, readVm)).toBeUndefined();
      expect(server.count('Login')).toBe(2);
    });

    test('also where the answer lacks one of several objects', async () => {
      await using server = await SoapServer.start();
      await using vim = await connected(server);
      const answers: SoapAnswer[] = [shownVm, '', shownVm];
      // The session ends while it answers: the object is there, the session is not.
      server.handlers['RetrievePropertiesEx'] = () => answers.shift()!;
      const other = { type: 'VirtualMachine', value: 'vm-2' };
      const specSet = [{ propSet: [{ type: 'VirtualMachine' }], objectSet: [{ obj: vm }, { obj: other }] }];
      answers.push(currentSession);
      await vim.invoke('RetrievePropertiesEx', vm, { specSet, options: {} });
      expect(server.count('Login')).toBe(2);
    });

    test('also where it shows no more than the beginning of a traversal, of which it was not asked', async () => {
      await using server = await SoapServer.start();
      await using vim = await connected(server);
      const beginning = '<returnval><objects><obj type="Folder">group-d1</obj></objects></returnval>';
      server.handlers['RetrievePropertiesEx'] = (call) =>
        !server.isAuthenticated(call) ? beginning : call.body.includes('currentSession') ? currentSession : shownVm;
      server.sessions.clear();
      const objectSet = [{ obj: { type: 'Folder', value: 'group-d1' }, skip: true }];
      const specSet = [{ propSet: [{ type: 'VirtualMachine' }], objectSet }];
      expect(await vim.invoke('RetrievePropertiesEx', vm, { specSet, options: {} })).toMatchObject({
        objects: [{ obj: vm }],
      });
      expect(server.count('Login')).toBe(2);
    });

    test('in a page that follows, too', async () => {
      await using server = await SoapServer.start();
      await using vim = await connected(server);
      server.handlers['RetrievePropertiesEx'] = silent(server, () => shownVm);
      server.handlers['ContinueRetrievePropertiesEx'] = (call) =>
        server.isAuthenticated(call) ? { fault: 'InvalidArgument' } : '<returnval></returnval>';
      server.sessions.clear();
      const next = vim.invoke('ContinueRetrievePropertiesEx', vm, { token: 'a' });
      expect(await failureOf(next)).toMatchObject({ faultName: 'InvalidArgument' });
      expect(server.count('Login')).toBe(2);
    });

    test('not where the server does not show sessions, but takes calls that need one', async () => {
      await using server = await SoapServer.start();
      await using vim = await connected(server);
      server.handlers['RetrievePropertiesEx'] = ({ body }) => (body.includes('currentSession') ? noCurrentSession : '');
      expect(await vim.invoke('RetrievePropertiesEx', vm, readVm)).toBeUndefined();
      expect(server.count('Login')).toBe(1);
      expect(server.count('CurrentTime')).toBe(1);
    });
  });

  test('a server that never accepts a login it gave is not asked for ever', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['CurrentTime'] = () => ({ fault: 'NotAuthenticated' });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ faultName: 'NotAuthenticated' });
    expect(server.count('Login')).toBe(3);
  });

  test('a password that is not valid any more is tried once, for all calls and for ever', async () => {
    await using server = await SoapServer.start();
    const vim = await connected(server);
    server.sessions.clear();
    server.acceptedPassword = 'changed';
    const calls = Array.from({ length: 10 }, () => failureOf(vim.invoke('CurrentTime', root, {})));
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'INVALID_LOGIN' });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ code: 'INVALID_LOGIN' });
    expect(server.count('Login')).toBe(2);
    await vim.disconnect();
  });

  test.each(['PasswordExpired', 'NoPermission', 'SomethingNewAboutTheUser'])(
    'a login refused with %s is not tried again',
    async (fault) => {
      await using server = await SoapServer.start();
      const vim = await connected(server);
      server.sessions.clear();
      server.handlers['Login'] = () => ({ fault });
      const errors = [];
      for (let calls = 0; calls < 3; calls++) errors.push(await failureOf(vim.invoke('CurrentTime', root, {})));
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'INVALID_LOGIN', retryable: false, cause: { faultName: fault } });
      }
      expect(server.count('Login')).toBe(2);
      await vim.disconnect();
    },
  );

  test('a login that a server is not ready for is tried again', async () => {
    await using server = await SoapServer.start();
    const vim = await connected(server);
    server.sessions.clear();
    server.handlers['Login'] = () => ({ fault: 'SystemError', detail: '<reason>starting</reason>' });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ faultName: 'SystemError' });
    delete server.handlers['Login'];
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    await vim.disconnect();
  });

  test.each<[string, SoapAnswer]>([
    ['refused', { fault: 'InvalidLogin' }],
    ['not taken', { fault: 'SystemError', detail: '<reason>r</reason>' }],
    ['lost', (response) => response.socket?.destroy()],
    ['not understood', '<returnval/>'],
  ])('callers that wait for a login that is %s get an error each', async (_name, answer) => {
    await using server = await SoapServer.start();
    const vim = await connected(server);
    server.sessions.clear();
    server.handlers['Login'] = () => answer;
    const calls = Array.from({ length: 4 }, () => failureOf(vim.invoke('CurrentTime', root, {})));
    const errors = [...(await Promise.all(calls)), await failureOf(vim.invoke('CurrentTime', root, {}))];
    expect(new Set(errors).size).toBe(errors.length);
    errors[0]!.phase = 'swap';
    for (const other of errors.slice(1)) expect(other).toMatchObject({ code: errors[0]!.code, phase: undefined });
    await vim.disconnect();
  });

  test("one caller's abort does not end the login the others wait for", async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.sessions.clear();
    const controller = new AbortController();
    server.handlers['RetrieveServiceContent'] = async () => {
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await import('./support/soap-server.js')).serviceContent;
    };
    const aborted = failureOf(vim.invoke('CurrentTime', root, {}, controller));
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    expect(await aborted).toMatchObject({ code: 'ABORTED' });
  });
});

describe('a server with an older API', () => {
  const refusal = {
    fault: 'InvalidRequest',
    message: 'Unsupported version URI "urn:vim25/6.7"\n\nwhile parsing SOAP body\nat line 1, column 0',
  };
  const versions = (version: string): string =>
    '<?xml version="1.0" encoding="UTF-8" ?><namespaces version="1.0"><namespace><name>urn:vim2</name><version>2.5</version>' +
    `</namespace><namespace><name>urn:vim25</name><version>${version}</version><priorVersions><version>6.0</version>` +
    '<version>5.5</version><version>10.0</version></priorVersions></namespace></namespaces>';

  test.each([
    ['6.5', 'only up to 10.0'],
    ['uA046D008', 'only up to 10.0'],
  ])('is refused with what it speaks (%s)', async (version, said) => {
    await using server = await SoapServer.start();
    server.handlers['RetrieveServiceContent'] = () => refusal;
    server.onRequest = (request, response) => {
      expect(request.headers.cookie).toBeUndefined();
      response.writeHead(request.url === '/sdk/vimServiceVersions.xml' ? 200 : 404).end(versions(version));
    };
    const error = await failureOf(connected(server));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL', retryable: false });
    expect(error.message).toContain('does not speak version 6.7 of the vSphere API');
    expect(error.message).toContain(said);
    expect(server.count('RetrieveServiceContent')).toBe(1);
    expect(server.count('Login')).toBe(0);
  });

  test('is refused also where it does not say what it speaks', async () => {
    await using server = await SoapServer.start();
    server.handlers['RetrieveServiceContent'] = () => refusal;
    const error = await failureOf(connected(server));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect(error.message).toContain('vSphere 6.7 or newer is needed');
  });
});

test('a host that only reads says so', async () => {
  await using server = await SoapServer.start();
  await using vim = await connected(server);
  server.handlers['Rename_Task'] = () => ({ fault: 'RestrictedVersion', message: 'Current license prohibits it' });
  const error = await failureOf(vim.invoke('Rename_Task', vm, rename));
  expect(error).toMatchObject({ faultName: 'RestrictedVersion' });
  expect(error.message).toContain('free ESXi');
});

describe('a lost connection', () => {
  const cut: SoapAnswer = (response) => response.socket?.destroy();

  test('an idempotent call is repeated', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    const answers: SoapAnswer[] = [cut, cut, now];
    server.handlers['CurrentTime'] = () => answers.shift()!;
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    expect(server.count('CurrentTime')).toBe(3);
  });

  test('not for ever', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['CurrentTime'] = () => cut;
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
      retryable: true,
    });
    expect(server.count('CurrentTime')).toBe(4);
  });

  test.each<[string, SoapAnswer]>([
    ['the connection was cut', cut],
    [
      'within the reply',
      (response) => {
        response.writeHead(200, { 'Content-Length': 1000 }).write('<?xml');
        setTimeout(() => response.socket?.destroy(), 20);
      },
    ],
    [
      "a proxy's page",
      (response) =>
        response.writeHead(503, { 'Content-Type': 'text/html' }).end('<html><body>Service Unavailable</body></html>'),
    ],
    [
      'a page with status 200',
      (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Welcome</html>'),
    ],
    ['a redirect', (response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['nothing', (response) => response.writeHead(200).end()],
  ])('a call that may have been carried out is not repeated: %s', async (_name, answer) => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = () => answer;
    expect(await failureOf(vim.invoke('Rename_Task', vm, rename))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
    });
    expect(server.count('Rename_Task')).toBe(1);
    expect(server.calls.filter(({ request }) => request.url !== '/sdk')).toHaveLength(0);
  });

  test('a reply that makes no sense leaves the outcome of a change unknown, and of a look nothing', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = server.handlers['CurrentTime'] = () => '<returnval><a></returnval>';
    expect(await failureOf(vim.invoke('Rename_Task', vm, rename))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
      retryable: false,
    });
    expect(await failureOf(vim.invoke('CurrentTime', root, {}))).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect([server.count('Rename_Task'), server.count('CurrentTime')]).toEqual([1, 1]);
  });

  test('a call that was not sent is repeated, whatever it does', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = guarded(server, task);
    let refused = 0;
    server.server.prependListener('connection', (socket) => {
      if (refused++ < 2) socket.destroy();
    });
    expect(await vim.invoke('Rename_Task', vm, rename)).toEqual({ type: 'Task', value: 'task-1' });
    expect(refused).toBe(3);
    expect(server.count('Rename_Task')).toBe(1);
  });

  test('an idle connection the server closed does not make an outcome unknown', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.handlers['Rename_Task'] = guarded(server, task);
    for (let round = 0; round < 5; round++) {
      await vim.invoke('CurrentTime', root, {});
      server.server.closeAllConnections();
      await vim.invoke('Rename_Task', vm, rename);
    }
    expect(server.count('Rename_Task')).toBe(5);
  });

  test('nobody listens: the outcome is known', async () => {
    const listener = createTcpServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    listener.close();
    const vim = new SoapVimSession({ host: '127.0.0.1', port, username, password, insecure: true });
    const error = await failureOf(vim.connect());
    expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'not-sent' });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('a server that stays silent is given up', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    using time = new PassingTime();
    server.handlers['Rename_Task'] = () => () => time.pass(120_000);
    const error = await failureOf(vim.invoke('Rename_Task', vm, rename));
    expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
    expect(error.message).toContain('120000 ms');
  });

  test('a long poll may be silent for as long as it asked for', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    using time = new PassingTime();
    server.handlers['WaitForUpdatesEx'] = () => {
      time.pass(599_000);
      return '';
    };
    const options = { maxWaitSeconds: 600 };
    expect(await vim.invoke('WaitForUpdatesEx', root, { options })).toBeUndefined();
    expect(server.count('WaitForUpdatesEx')).toBe(1);
  });

  test('a long poll of a session that waits as long as a timer runs is no shorter for it', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server, { requestTimeoutMs: 2 ** 31 - 1 });
    server.handlers['WaitForUpdatesEx'] = async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return '';
    };
    const options = { maxWaitSeconds: 600 };
    expect(await vim.invoke('WaitForUpdatesEx', root, { options })).toBeUndefined();
  });

  test('a server whose login fails for a while is logged into later', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    server.sessions.clear();
    server.handlers['Rename_Task'] = guarded(server, task);
    let logins = 0;
    server.handlers['Login'] = () => {
      if (logins++ > 0) delete server.handlers['Login'];
      return cut;
    };
    expect(await vim.invoke('Rename_Task', vm, rename)).toEqual({ type: 'Task', value: 'task-1' });
    expect(server.count('Login')).toBe(4);
  });
});

describe('many calls at once', () => {
  /** A session whose server answers `CurrentTime` when it is told to, and has as many of these calls as it takes at a time. */
  async function busy(server: SoapServer) {
    const waiting: (() => void)[] = [];
    server.handlers['CurrentTime'] = () =>
      new Promise((resolve) => {
        waiting.push(() => {
          resolve(now);
        });
      });
    const vim = await connected(server);
    const calls = Array.from({ length: 32 }, () => vim.invoke('CurrentTime', root, {}));
    await until(() => waiting.length === 32);
    return { vim, waiting, calls };
  }

  test('the server gets 32 at a time; a long poll, and what keeps or ends a lease, takes nobody’s place', async () => {
    await using server = await SoapServer.start();
    const { vim, waiting, calls } = await busy(server);
    await using _ = vim;
    server.handlers['WaitForUpdatesEx'] = () => '';
    server.handlers['Rename_Task'] = () => task;
    const next = vim.invoke('Rename_Task', vm, rename);
    await vim.invoke('WaitForUpdatesEx', root, { options: { maxWaitSeconds: 1 } });
    server.handlers['HttpNfcLeaseProgress'] = server.handlers['HttpNfcLeaseAbort'] = () => '';
    await vim.invoke('HttpNfcLeaseProgress', lease, { percent: 1 });
    await vim.invoke('HttpNfcLeaseAbort', lease, {});
    expect(server.count('Rename_Task')).toBe(0);
    waiting[0]?.();
    await next;
    for (const answer of waiting) answer();
    await Promise.all(calls);
  });

  test('one that is given up before its turn is not sent, and keeps no place', async () => {
    await using server = await SoapServer.start();
    const { vim, waiting, calls } = await busy(server);
    await using _ = vim;
    server.handlers['Rename_Task'] = () => task;
    const given = new AbortController();
    const failure = failureOf(vim.invoke('Rename_Task', vm, rename, given));
    const next = vim.invoke('Rename_Task', vm, { newName: 'volume-2' });
    given.abort('why');
    expect(await failure).toMatchObject({ code: 'ABORTED', cause: 'why' });
    waiting[0]?.();
    await next;
    expect(server.count('Rename_Task')).toBe(1);
    for (const answer of waiting) answer();
    await Promise.all(calls);
  });

  test('those whose turn has not come end with the session', async () => {
    await using server = await SoapServer.start();
    const { vim, calls } = await busy(server);
    const late = failureOf(vim.invoke('Rename_Task', vm, rename));
    const failures = calls.map((call) => failureOf(call));
    await vim.disconnect();
    for (const failure of await Promise.all(failures)) {
      expect(failure).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
    }
    expect(await late).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'not-sent' });
    expect(server.count('Rename_Task')).toBe(0);
  });
});

describe('abort', () => {
  test('before, during and between tries', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    expect(await failureOf(vim.invoke('CurrentTime', root, {}, { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
    });
    expect(server.count('CurrentTime')).toBe(0);

    const during = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    server.handlers['CurrentTime'] = ({ request }) => {
      closed = once(request.socket, 'close');
      setTimeout(() => during.abort('why'), 20);
      return () => {};
    };
    expect(await failureOf(vim.invoke('CurrentTime', root, {}, during))).toMatchObject({
      code: 'ABORTED',
      cause: 'why',
    });
    await closed;
    expect(server.count('CurrentTime')).toBe(1);

    const between = new AbortController();
    server.handlers['CurrentTime'] = () => (response) => {
      response.socket?.destroy();
      setTimeout(() => between.abort(), 50);
    };
    const triesBefore = server.count('CurrentTime');
    expect(await failureOf(vim.invoke('CurrentTime', root, {}, between))).toMatchObject({ code: 'ABORTED' });
    // The pause before the next try was cut short: there was none.
    expect(server.count('CurrentTime') - triesBefore).toBe(1);
  });

  test('while it connects, at every point', async () => {
    await using server = await SoapServer.start();
    for (const method of ['RetrieveServiceContent', 'Login']) {
      const controller = new AbortController();
      server.handlers[method] = () => {
        controller.abort();
        return () => {};
      };
      const vim = new SoapVimSession(server.options);
      expect(await failureOf(vim.connect(controller))).toMatchObject({ code: 'ABORTED' });
      expect(() => vim.serviceContent).toThrow();
      Reflect.deleteProperty(server.handlers, method);
    }
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const controller = new AbortController();
    const { port } = silent.address() as AddressInfo;
    const pending = failureOf(new SoapVimSession({ ...server.options, port }).connect(controller));
    const [socket] = (await once(silent, 'connection')) as [Socket];
    controller.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED' });
    await once(socket.resume(), 'close');
    silent.close();
  });

  test('leaves no listener on the signal', async () => {
    await using server = await SoapServer.start();
    await using vim = await connected(server);
    const { signal } = new AbortController();
    for (let round = 0; round < 3; round++) await vim.invoke('CurrentTime', root, {}, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test('what calls are made by is made again where that failed', async () => {
  await using server = await SoapServer.start();
  const create = jest.spyOn(SoapClient, 'create').mockRejectedValueOnce(new Error('EMFILE: too many open files'));
  await using vim = await connected(server);
  expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
  expect(create).toHaveBeenCalledTimes(2);
  create.mockRestore();
});

describe('keep-alive', () => {
  test('uses the session on its own, renews it, survives failures, and stops', async () => {
    await using server = await SoapServer.start();
    const warnings: object[] = [];
    const ignore = (): void => {};
    const logger: Logger = { debug: ignore, info: ignore, error: ignore, warn: (fields) => warnings.push(fields) };
    const vim = await connected(server, { keepAliveIntervalMs: 50, logger });
    await until(() => server.count('CurrentTime') >= 2);
    server.sessions.clear();
    await until(() => server.count('Login') === 2);
    server.handlers['CurrentTime'] = () => ({ fault: 'SystemError', message: 'no' });
    await until(() => warnings.length >= 2);
    delete server.handlers['CurrentTime'];
    await vim.disconnect();
    const calls = server.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.calls).toHaveLength(calls);
  });

  test('that fails ends nothing where its logger lacks methods, throws or rejects', async () => {
    // In a process of its own: a rejection nobody handles would end it.
    const program = `
      import { SoapVimSession } from './src/vim/index.ts';
      import { SoapServer } from './tests/vim/support/soap-server.ts';
      const server = await SoapServer.start();
      server.handlers['CurrentTime'] = () => ({ fault: 'SystemError' });
      const fail = () => { throw new Error('the log is full'); };
      const reject = () => Promise.reject(new Error('the log is far away'));
      for (const logger of [{}, { warn: fail }, { warn: reject }]) {
        const vim = new SoapVimSession({ ...server.options, keepAliveIntervalMs: 10, logger });
        await vim.connect();
        const tried = server.count('CurrentTime');
        while (server.count('CurrentTime') < tried + 3) await new Promise((next) => setTimeout(next, 5));
        await vim.disconnect();
      }
      await server[Symbol.asyncDispose]();
      console.log('alive');`;
    const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '--eval', program];
    expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('alive\n');
  });
});

describe('secrets', () => {
  test('are in no error, no log, no inspection', async () => {
    await using server = await SoapServer.start();
    const logged: unknown[] = [];
    const log = (fields: object, message: string): void => {
      logged.push(fields, message);
    };
    const vim = await connected(server, { logger: { debug: log, info: log, warn: log, error: log } });
    const cookie = server.cookies[0]!;
    const seen: unknown[] = [vim, logged];
    const answers: SoapAnswer[] = [
      {
        fault: 'SystemError',
        message: `for ${cookie}`,
        detail: `<reason>${cookie} and S3cret&amp;Pass&lt;word&gt;</reason>`,
      },
      {
        fault: 'Odd',
        message: 'S3cret&amp;Pass&lt;word&gt;',
        detail: `<deep><list>${cookie}</list><list>x</list></deep>`,
      },
      (response) => response.writeHead(500).end(`<html>${cookie}</html>`),
      (response) => response.writeHead(200).end(`<?xml version="1.0"?><Envelope><Body><x>${cookie}</Body></Envelope>`),
      (response) => response.socket?.destroy(),
    ];
    for (const answer of answers) {
      server.handlers['Rename_Task'] = () => answer;
      seen.push(await failureOf(vim.invoke('Rename_Task', vm, rename)));
    }
    const echo = `${cookie} S3cret&amp;Pass&lt;word&gt; ${Buffer.from(password).toString('base64')} ${encodeURIComponent(password)}`;
    const fault = `<fault xsi:type="SystemError"><reason>${echo}</reason></fault><localizedMessage>${echo}</localizedMessage>`;
    server.handlers['RetrievePropertiesEx'] = () =>
      `<returnval><objects><obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault>${fault}</fault>` +
      '</missingSet></objects></returnval>';
    seen.push(await failureOf(readProperties(vim, vm, 'VirtualMachine', ['name'])));
    const task = `<obj type="Task">task-1</obj>`;
    server.handlers['Rename_Task'] = () => '<returnval type="Task">task-1</returnval>';
    server.handlers['CreatePropertyCollector'] = server.handlers['CreateFilter'] = () =>
      '<returnval type="P">p</returnval>';
    server.handlers['WaitForUpdatesEx'] = () =>
      `<returnval><version>1</version><filterSet><filter type="F">f</filter><objectSet><kind>enter</kind>${task}<changeSet>` +
      '<name>info.state</name><op>assign</op><val xsi:type="TaskInfoState">error</val></changeSet><changeSet>' +
      `<name>info.error</name><op>assign</op><val xsi:type="LocalizedMethodFault">${fault}</val></changeSet></objectSet>` +
      '</filterSet></returnval>';
    seen.push(await failureOf(runTask(vim, 'Rename_Task', vm, rename)));
    server.sessions.clear();
    server.handlers['Login'] = () => ({ fault: 'SystemError', message: 'S3cret&amp;Pass&lt;word&gt;' });
    seen.push(await failureOf(vim.invoke('CurrentTime', root, {})));
    server.handlers['Login'] = () => (response) => response.socket?.destroy();
    seen.push(await failureOf(vim.invoke('CurrentTime', root, {})));
    server.handlers['Login'] = () => ({ fault: 'InvalidLogin', message: 'S3cret&amp;Pass&lt;word&gt;' });
    seen.push(await failureOf(vim.invoke('CurrentTime', root, {})));
    await vim.disconnect();
    for (const value of [...seen, ...logged]) {
      const text = inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value);
      for (const secret of [cookie, password, 'S3cret', 'UzNjcmV0', 'S3cret%26']) expect(text).not.toContain(secret);
    }
    expect(JSON.stringify(vim)).toBe(`{"host":"127.0.0.1","port":${server.port},"connected":false}`);
    expect(seen).toHaveLength(12);
  });
});
