import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';
import { SoapClient } from './support/soap-client.js';
import { textAt } from './support/xml-node.js';

let simulator: Simulator;
let client: SoapClient;
beforeEach(async () => {
  simulator = await startSimulator({ sessionIdleMs: 1_800_000 });
  client = new SoapClient(simulator);
});
afterEach(async () => {
  client.close();
  await simulator.close();
});

const root = { type: 'Folder', value: 'group-d1' };
const service = { type: 'ServiceInstance', value: 'ServiceInstance' };

describe('sessions', () => {
  it('are not needed to ask for the service content, and for nothing else', async () => {
    const content = await client.call('RetrieveServiceContent', service);
    expect(textAt(content, 'returnval.about.apiType')).toBe('VirtualCenter');
    await expect(client.property(root, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
    await expect(client.call('CurrentTime', service)).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it('begin with the right password only', async () => {
    await expect(client.login('wrong')).rejects.toMatchObject({ type: 'InvalidLogin' });
    expect(simulator.sessions()).toEqual([]);
    const session = await client.login();
    expect(simulator.sessions()).toMatchObject([
      { key: textAt(session, 'returnval.key'), userName: simulator.username },
    ]);
    expect((await client.property(root, 'name'))!.text).toBe('Datacenters');
  });

  it('hand over a cookie that only HTTPS carries and scripts do not see', async () => {
    const reply = await client.post(
      '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Login xmlns="urn:vim25">' +
        `<_this type="SessionManager">SessionManager</_this><userName>${simulator.username}</userName>` +
        `<password>${simulator.password}</password></Login></Body></Envelope>`,
    );
    expect(reply.headers['set-cookie']).toEqual([
      expect.stringMatching(/^vmware_soap_session="[0-9a-f]{40}"; Path=\/; HttpOnly; Secure;$/),
    ]);
  });

  it('refuse a second login', async () => {
    await client.login();
    await expect(client.login()).rejects.toMatchObject({ type: 'InvalidLogin' });
    expect(simulator.sessions()).toHaveLength(1);
  });

  it('refuse a cookie that is not theirs', async () => {
    await client.login();
    client.cookie = `vmware_soap_session="${'0'.repeat(40)}"`;
    await expect(client.property(root, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it.each([
    ['with the quotes it was set in', (value: string) => value],
    ['without them', (value: string) => value.replaceAll('"', '')],
  ])("reach the storage policy service by the cookie's value, %s", async (_how, write) => {
    await client.login();
    const ask = (cookie: string) =>
      client.http(
        'POST',
        '/pbm',
        { 'Content-Type': 'text/xml' },
        '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/">' +
          `<Header><vcSessionCookie xmlns="">${cookie}</vcSessionCookie></Header>` +
          '<Body><PbmRetrieveServiceContent xmlns="urn:pbm"><_this type="PbmServiceInstance">ServiceInstance</_this>' +
          '</PbmRetrieveServiceContent></Body></Envelope>',
      );
    expect((await ask(write(client.cookie!.slice('vmware_soap_session='.length)))).status).toBe(200);
    expect((await ask('"0"')).body).toContain('NotAuthenticated');
  });

  it('end by logout', async () => {
    await client.login();
    await client.call('Logout', client.manager('SessionManager'));
    expect(simulator.sessions()).toEqual([]);
    await expect(client.property(root, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it('expire when idle, and live when used', async () => {
    using time = new PassingTime();
    await client.login();
    for (let i = 0; i < 5; i++) {
      time.pass(1_000_000);
      await client.property(root, 'name');
    }
    time.pass(1_800_001);
    await expect(client.property(root, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it('can be expired from outside, which ends what they wait for', async () => {
    await client.login();
    const waiting = client.call('WaitForUpdatesEx', client.manager('PropertyCollector'), '<version></version>');
    const outcome = expect(waiting).rejects.toMatchObject({ type: 'NotAuthenticated' });
    await until(() => simulator.calls().some(({ method }) => method === 'WaitForUpdatesEx'));
    simulator.expireSessions();
    await outcome;
  });

  it('answer whether they are alive, by key and exact user name', async () => {
    const key = textAt(await client.login(), 'returnval.key')!;
    const active = async (sessionID: string, userName: string) =>
      textAt(
        await client.call(
          'SessionIsActive',
          client.manager('SessionManager'),
          `<sessionID>${sessionID}</sessionID><userName>${userName}</userName>`,
        ),
        'returnval',
      );
    expect(await active(key, simulator.username)).toBe('true');
    expect(await active(key, simulator.username.toUpperCase())).toBe('false');
    expect(await active('nobody', simulator.username)).toBe('false');
    const current = await client.property(client.manager('SessionManager'), 'currentSession');
    expect(textAt(current, 'key')).toBe(key);
  });

  it('do not show passwords in the call log', async () => {
    await client.login();
    expect(JSON.stringify(simulator.calls())).not.toContain(simulator.password);
    expect(simulator.calls()).toMatchObject([{ method: 'Login', args: { password: '***' } }]);
  });
});
