import { describe, expect, test } from '@jest/globals';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import {
  collectProperties,
  type MoRef,
  readProperties,
  readPropertiesOfMany,
  SoapVimSession,
  waitForProperties,
} from '../../src/vim/index.js';
import { until } from '../support/until.js';
import { allOf } from './support/bytes.js';
import { failureOf } from './support/failure.js';

async function connected(simulator: Simulator, trust: object): Promise<SoapVimSession> {
  const { host, port, username, password } = simulator;
  const session = new SoapVimSession({ host, port, username, password, ...trust });
  await session.connect();
  return session;
}

const endOf = (vim: SoapVimSession, task: MoRef): Promise<string> =>
  waitForProperties(vim, task, 'Task', ['info.state'], ({ 'info.state': state }) =>
    state === 'success' || state === 'error' ? state : undefined,
  );

describe.each(['vcenter', 'esxi'] as const)('against a simulated %s', (mode) => {
  test.each([
    ['CA', (simulator: Simulator) => ({ ca: simulator.ca })],
    ['SHA-1', (simulator: Simulator) => ({ thumbprint: simulator.thumbprint })],
    ['SHA-256', (simulator: Simulator) => ({ thumbprint: simulator.thumbprintSha256 })],
    ['nothing', () => ({ insecure: true })],
  ])('trusting by %s: logs in and out', async (_name, trust) => {
    await using simulator = await startSimulator({ mode });
    const vim = await connected(simulator, trust(simulator));
    expect(simulator.sessions()).toHaveLength(1);
    expect(vim.serviceContent.about.apiType).toBe(mode === 'esxi' ? 'HostAgent' : 'VirtualCenter');
    await vim.disconnect();
    expect(simulator.sessions()).toHaveLength(0);
  });

  test('trusting nobody: refused', async () => {
    await using simulator = await startSimulator({ mode });
    expect(await failureOf(connected(simulator, {}))).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
  });

  test('makes, reads, lists, watches and downloads a VM', async () => {
    await using simulator = await startSimulator({ mode });
    await using vim = await connected(simulator, { thumbprint: simulator.thumbprint });
    await simulator.addVm({ name: 'a', disk: { capacityBytes: 1024 ** 2 } });
    await simulator.addVm({ name: 'b' });
    const { rootFolder } = vim.serviceContent;
    const all = [{ _type: 'SelectionSpec', name: 'all' }] as const;
    const selectSet = [
      {
        _type: 'TraversalSpec',
        name: 'all',
        type: 'Folder',
        path: 'childEntity',
        selectSet: [...all, { _type: 'SelectionSpec', name: 'dc' }],
      },
      { _type: 'TraversalSpec', name: 'dc', type: 'Datacenter', path: 'vmFolder', selectSet: all },
    ] as const;
    const found: { ref: MoRef; name: string }[] = [];
    const traversal = { from: rootFolder, selectSet };
    for await (const { ref, properties } of collectProperties(vim, traversal, 'VirtualMachine', ['name'], {
      maxObjects: 1,
    })) {
      found.push({ ref, name: properties.name });
    }
    expect(found.map(({ name }) => name).sort()).toEqual(['a', 'b']);
    const { ref } = found.find(({ name }) => name === 'a')!;

    const properties = await readProperties(vim, ref, 'VirtualMachine', [
      'config.hardware.device',
      'runtime.powerState',
      'snapshot',
    ]);
    expect(properties['runtime.powerState']).toBe('poweredOff');
    expect(properties).not.toHaveProperty('snapshot');
    expect(properties['config.hardware.device']).toContainEqual(
      expect.objectContaining({ _type: 'VirtualDisk', capacityInKB: 1024 }),
    );

    expect(await endOf(vim, await vim.invoke('Rename_Task', ref, { newName: 'c & <d>' }))).toBe('success');
    expect((await readProperties(vim, ref, 'VirtualMachine', ['name'])).name).toBe('c & <d>');

    const lease = await vim.invoke('ExportVm', ref, {});
    const info = await waitForProperties(vim, lease, 'HttpNfcLease', ['state', 'info'], (properties) =>
      properties.state === 'ready' ? properties.info : undefined,
    );
    const [device] = info.deviceUrl ?? [];
    const url = device!.url.replace(/\/\/\*(?::\d+)?\//, `//${vim.host}:${vim.port}/`);
    const { stream } = await vim.download(url, { thumbprint: device!.sslThumbprint });
    expect((await allOf(stream)).subarray(0, 4).toString()).toBe('KDMV');
    await vim.invoke('HttpNfcLeaseComplete', lease, {});

    await endOf(vim, await vim.invoke('Destroy_Task', ref, {}));
    expect(await failureOf(readProperties(vim, ref, 'VirtualMachine', ['name']))).toMatchObject({
      faultName: 'ManagedObjectNotFound',
      detail: { obj: ref },
    });
    const left = await readPropertiesOfMany(
      vim,
      found.map((object) => object.ref),
      'VirtualMachine',
      ['name'],
    );
    expect(left.map(({ properties }) => properties.name)).toEqual(['b']);
  });

  test("a wait survives the session's expiry and a lost connection", async () => {
    await using simulator = await startSimulator({ mode });
    await using vim = await connected(simulator, { thumbprint: simulator.thumbprint });
    const { ref } = await simulator.addVm({ name: 'a' });
    const renamed = waitForProperties(vim, ref, 'VirtualMachine', ['name'], ({ name }) =>
      name === 'z' ? name : undefined,
    );
    const polls = (): number => simulator.calls().filter(({ method }) => method === 'WaitForUpdatesEx').length;
    await until(() => polls() >= 2);
    simulator.expireSessions();
    simulator.injectFault({ method: 'WaitForUpdatesEx', kind: 'reset' });
    await until(() => simulator.calls().filter(({ method }) => method === 'Login').length === 2);
    await vim.invoke('Rename_Task', ref, { newName: 'z' });
    expect(await renamed).toBe('z');
  });

  test('a watched object that vanishes ends the wait', async () => {
    await using simulator = await startSimulator({ mode });
    await using vim = await connected(simulator, { thumbprint: simulator.thumbprint });
    const { ref } = await simulator.addVm({ name: 'a' });
    const pending = failureOf(waitForProperties(vim, ref, 'VirtualMachine', ['name'], () => undefined));
    await until(() => simulator.calls().filter(({ method }) => method === 'WaitForUpdatesEx').length >= 2);
    await simulator.removeVm('a');
    expect(await pending).toMatchObject({ faultName: 'ManagedObjectNotFound', detail: { obj: ref } });
  });

  test('an expired session is renewed once for many calls; a lost reply is not made up for', async () => {
    await using simulator = await startSimulator({ mode });
    await using vim = await connected(simulator, { thumbprint: simulator.thumbprint });
    const { ref } = await simulator.addVm({ name: 'a' });
    simulator.expireSessions();
    const names = await Promise.all(
      Array.from({ length: 10 }, () => readProperties(vim, ref, 'VirtualMachine', ['name'])),
    );
    expect(new Set(names.map(({ name }) => name))).toEqual(new Set(['a']));
    const count = (name: string): number => simulator.calls().filter(({ method }) => method === name).length;
    expect(count('Login')).toBe(2);
    for (const kind of ['reset', 'http-500'] as const) {
      simulator.injectFault({ method: 'Rename_Task', when: 'after', kind });
      const before = count('Rename_Task');
      expect(await failureOf(vim.invoke('Rename_Task', ref, { newName: `after ${kind}` }))).toMatchObject({
        code: 'VIM_CONNECTION_FAILED',
        outcome: 'unknown',
      });
      expect(count('Rename_Task')).toBe(before + 1);
    }
  });
});
