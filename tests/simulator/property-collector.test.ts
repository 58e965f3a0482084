import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../support/until.js';
import { type Lab, openLab } from './support/lab.js';
import { type Ref, ref, refOf, SoapClient } from './support/soap-client.js';
import { all, at, textAt, type XmlNode } from './support/xml-node.js';

let lab: Lab;
let collector: Ref;
const root = { type: 'Folder', value: 'group-d1' };
beforeAll(async () => {
  lab = await openLab();
  collector = lab.client.manager('PropertyCollector');
  for (let i = 0; i < 5; i++) {
    const extraConfig = { 'some.key': `value ${i}` };
    const disk = { capacityBytes: 2 ** 20 };
    await lab.simulator.addVm({ name: `vm${i}`, folder: i > 2 ? 'a/b' : '', disk, extraConfig });
  }
});
afterAll(() => lab.close());

const traversal = (name: string, type: string, path: string, selections = ''): string =>
  `<selectSet xsi:type="TraversalSpec"><name>${name}</name><type>${type}</type><path>${path}</path>${selections}</selectSet>`;
const named = (name: string): string => `<selectSet><name>${name}</name></selectSet>`;
const everyFolder = traversal(
  'folders',
  'Folder',
  'childEntity',
  named('folders') + traversal('vms', 'Datacenter', 'vmFolder', named('folders')),
);

const vmNames = (
  options: string,
  propSet = '<type>VirtualMachine</type><pathSet>name</pathSet>',
  selections = everyFolder,
) =>
  lab.client.call(
    'RetrievePropertiesEx',
    collector,
    `<specSet><propSet>${propSet}</propSet><objectSet>${ref('obj', root)}<skip>true</skip>${selections}</objectSet></specSet>` +
      `<options>${options}</options>`,
  );
const names = (page: XmlNode): string[] =>
  all(at(page, 'returnval'), 'objects').map((object) => textAt(object, 'propSet.val')!);

describe('RetrievePropertiesEx', () => {
  it('follows traversals that refer to each other by name', async () => {
    expect(names(await vmNames('')).sort()).toEqual(['vm0', 'vm1', 'vm2', 'vm3', 'vm4']);
  });

  it('pages, each token being good once', async () => {
    const first = await vmNames('<maxObjects>2</maxObjects>');
    const token = `<token>${textAt(first, 'returnval.token')}</token>`;
    const second = await lab.client.call('ContinueRetrievePropertiesEx', collector, token);
    await expect(lab.client.call('ContinueRetrievePropertiesEx', collector, token)).rejects.toMatchObject({
      type: 'InvalidArgument',
    });
    const third = await lab.client.call(
      'ContinueRetrievePropertiesEx',
      collector,
      `<token>${textAt(second, 'returnval.token')}</token>`,
    );
    expect(textAt(third, 'returnval.token')).toBeUndefined();
    expect([first, second, third].map((page) => names(page).length)).toEqual([2, 2, 1]);
    expect([first, second, third].flatMap(names).sort()).toEqual(['vm0', 'vm1', 'vm2', 'vm3', 'vm4']);
  });

  it('forgets a cancelled retrieval', async () => {
    const token = `<token>${textAt(await vmNames('<maxObjects>2</maxObjects>'), 'returnval.token')}</token>`;
    await lab.client.call('CancelRetrievePropertiesEx', collector, token);
    await expect(lab.client.call('ContinueRetrievePropertiesEx', collector, token)).rejects.toMatchObject({
      type: 'InvalidArgument',
    });
  });

  it('gives no pages of one session to another', async () => {
    const token = `<token>${textAt(await vmNames('<maxObjects>2</maxObjects>'), 'returnval.token')}</token>`;
    const other = await SoapClient.connect(lab.simulator);
    await expect(other.call('ContinueRetrievePropertiesEx', collector, token)).rejects.toMatchObject({
      type: 'InvalidArgument',
    });
    other.close();
  });

  it('types every value', async () => {
    const vm = lab.simulator.vm('vm0')!.ref;
    const typeOf = async (path: string) => (await lab.client.property(vm, path))?.attributes['xsi:type'];
    expect(await typeOf('name')).toBe('xsd:string');
    expect(await typeOf('parent')).toBe('ManagedObjectReference');
    expect(await typeOf('datastore')).toBe('ArrayOfManagedObjectReference');
    expect(await typeOf('config')).toBe('VirtualMachineConfigInfo');
    expect(await typeOf('config.hardware.device')).toBe('ArrayOfVirtualDevice');
    expect(await typeOf('config.hardware.numCPU')).toBe('xsd:int');
    expect(await typeOf('snapshot')).toBeUndefined();
    const devices = await lab.client.property(vm, 'config.hardware.device');
    const types = all(devices, 'VirtualDevice').map(({ attributes }) => attributes['xsi:type']);
    expect(types).toContain('VirtualDisk');
    expect(types).toContain('VirtualLsiLogicController');
  });

  it('reaches into a sequence by the key of an entry', async () => {
    const vm = lab.simulator.vm('vm1')!.ref;
    const option = await lab.client.property(vm, 'config.extraConfig["some.key"]');
    expect([option?.attributes['xsi:type'], textAt(option, 'value')]).toEqual(['OptionValue', 'value 1']);
    expect((await lab.client.property(vm, 'config.extraConfig["some.key"].value'))?.text).toBe('value 1');
    const disk = (await lab.client.property(vm, 'config.hardware.device[2000]'))?.attributes['xsi:type'];
    expect(disk).toBe('VirtualDisk');
    expect(await lab.client.property(vm, 'config.extraConfig["other.key"]')).toBeUndefined();
    expect(await lab.client.property(vm, 'config.hardware.device[9].key')).toBeUndefined();
  });

  it('gives all properties of an object', async () => {
    const reply = await vmNames('<maxObjects>1</maxObjects>', '<type>VirtualMachine</type><all>true</all>');
    const found = all(at(reply, 'returnval.objects'), 'propSet').map((property) => textAt(property, 'name'));
    expect(found).toEqual(expect.arrayContaining(['name', 'config', 'runtime', 'summary', 'resourcePool']));
  });

  it('matches property specs by base type', async () => {
    const reply = await vmNames('', '<type>ManagedEntity</type><pathSet>name</pathSet>');
    expect(names(reply)).toEqual(expect.arrayContaining(['vm0', 'vm', 'a', 'b', 'DC0']));
  });

  it.each([
    ['an unknown property', 'InvalidProperty', '<type>VirtualMachine</type><pathSet>colour</pathSet>', everyFolder],
    [
      'an unknown part of one',
      'InvalidProperty',
      '<type>VirtualMachine</type><pathSet>config.colour</pathSet>',
      everyFolder,
    ],
    [
      'what comes after a sequence',
      'InvalidProperty',
      '<type>VirtualMachine</type><pathSet>config.hardware.device.key</pathSet>',
      everyFolder,
    ],
    [
      'a key of another type',
      'InvalidProperty',
      '<type>VirtualMachine</type><pathSet>config.hardware.device["2000"]</pathSet>',
      everyFolder,
    ],
    [
      'a key of what is no sequence',
      'InvalidProperty',
      '<type>VirtualMachine</type><pathSet>config["x"]</pathSet>',
      everyFolder,
    ],
    ['an unknown type', 'InvalidArgument', '<type>Toaster</type><pathSet>name</pathSet>', everyFolder],
    ['an unknown traversal', 'InvalidArgument', '<type>VirtualMachine</type>', named('nowhere')],
    [
      'a traversal along what is no reference',
      'InvalidArgument',
      '<type>VirtualMachine</type>',
      traversal('x', 'Folder', 'name'),
    ],
    ['a traversal along nothing', 'InvalidProperty', '<type>VirtualMachine</type>', traversal('x', 'Folder', 'colour')],
  ])('refuses %s', async (_what, type, propSet, selections) => {
    await expect(vmNames('', propSet, selections)).rejects.toMatchObject({ type });
  });

  it('says when nothing is selected', async () => {
    expect((await vmNames('', '<type>HostSystem</type><pathSet>name</pathSet>')).children).toEqual([]);
  });

  it('refuses an object that is not there', async () => {
    await expect(lab.client.property({ type: 'VirtualMachine', value: 'vm-9' }, 'name')).rejects.toMatchObject({
      type: 'ManagedObjectNotFound',
    });
  });
});

describe('WaitForUpdatesEx', () => {
  const newCollector = () => lab.client.callForRef('CreatePropertyCollector', collector);
  const watch = (own: Ref, object: Ref, path: string) =>
    lab.client.callForRef(
      'CreateFilter',
      own,
      `<spec><propSet><type>${object.type}</type><pathSet>${path}</pathSet></propSet>` +
        `<objectSet>${ref('obj', object)}</objectSet></spec><partialUpdates>false</partialUpdates>`,
    );
  const wait = (own: Ref, version: string, seconds?: number) =>
    lab.client.call(
      'WaitForUpdatesEx',
      own,
      `<version>${version}</version>${seconds === undefined ? '' : `<options><maxWaitSeconds>${seconds}</maxWaitSeconds></options>`}`,
    );
  const versionOf = (updates: XmlNode) => textAt(updates, 'returnval.version')!;

  it('tells what is there, then what changes, then that it is gone', async () => {
    const { ref: vm } = await lab.simulator.addVm({ name: 'watched', disk: { capacityBytes: 2 ** 20 } });
    const own = await newCollector();
    const filter = await watch(own, vm, 'name');

    const first = await wait(own, '');
    expect(refOf(at(first, 'returnval.filterSet.filter')!)).toEqual(filter);
    expect(textAt(first, 'returnval.filterSet.objectSet.kind')).toBe('enter');
    expect(textAt(first, 'returnval.filterSet.objectSet.changeSet.val')).toBe('watched');

    const second = wait(own, versionOf(first));
    await lab.client.task('Rename_Task', vm, '<newName>renamed</newName>');
    expect(textAt(await second, 'returnval.filterSet.objectSet.kind')).toBe('modify');
    expect(textAt(await second, 'returnval.filterSet.objectSet.changeSet.val')).toBe('renamed');

    // The answer was lost: the same question gives what was in it, and what came since.
    const again = await wait(own, versionOf(first));
    expect(textAt(again, 'returnval.filterSet.objectSet.changeSet.val')).toBe('renamed');

    const third = wait(own, versionOf(again));
    await lab.client.task('Destroy_Task', vm);
    expect(textAt(await third, 'returnval.filterSet.objectSet.kind')).toBe('leave');
  });

  it('answers with nothing when the time is up', async () => {
    const own = await newCollector();
    await watch(own, root, 'name');
    const version = versionOf(await wait(own, ''));
    expect((await wait(own, version, 0)).children).toEqual([]);
    const before = Date.now();
    expect((await wait(own, version, 1)).children).toEqual([]);
    expect(Date.now() - before).toBeGreaterThan(900);
  });

  it('follows a task to its end', async () => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const stop = lab.simulator.onCall(({ phase }) => (phase === 'task-done' ? ended : undefined));
    const { ref: vm } = await lab.simulator.addVm({ name: 'slow', disk: { capacityBytes: 2 ** 20 } });
    const task = await lab.client.callForRef('Rename_Task', vm, '<newName>slower</newName>');
    const own = await newCollector();
    await watch(own, task, 'info.state');
    const states: (string | undefined)[] = [];
    for (let version = ''; states.at(-1) !== 'success';) {
      const updates = await wait(own, version);
      version = versionOf(updates);
      states.push(textAt(updates, 'returnval.filterSet.objectSet.changeSet.val'));
      end();
    }
    stop();
    expect(states.length).toBeGreaterThan(1);
    expect(['queued', 'running']).toContain(states[0]);
  });

  it('refuses a version it never gave', async () => {
    const own = await newCollector();
    await watch(own, root, 'name');
    await expect(wait(own, '7')).rejects.toMatchObject({ type: 'InvalidCollectorVersion' });
  });

  it('is cancelled by request, by a second wait, and by the end of its collector', async () => {
    const own = await newCollector();
    await watch(own, root, 'name');
    const version = versionOf(await wait(own, ''));
    const cancelled = async (how: () => Promise<unknown>) => {
      const waits = () => lab.simulator.calls().filter(({ method }) => method === 'WaitForUpdatesEx').length;
      const before = waits();
      const waiting = expect(wait(own, version)).rejects.toMatchObject({ type: 'RequestCanceled' });
      await until(() => waits() > before);
      await how();
      await waiting;
    };
    await cancelled(() => lab.client.call('CancelWaitForUpdates', own));
    await cancelled(() => wait(own, version, 0));
    await cancelled(() => lab.client.call('DestroyPropertyCollector', own));
    await expect(wait(own, version)).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
  });

  it('belongs to its session', async () => {
    const own = await newCollector();
    const filter = await watch(own, root, 'name');
    const other = await SoapClient.connect(lab.simulator);
    await expect(other.call('DestroyPropertyCollector', own)).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
    await expect(other.call('DestroyPropertyFilter', filter)).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
    await lab.client.call('DestroyPropertyFilter', filter);
    expect((await wait(own, '', 0)).children).toEqual([]);
    other.close();
  });

  it('speaks of so many objects at a time and says that there are more', async () => {
    const own = await newCollector();
    await lab.client.callForRef(
      'CreateFilter',
      own,
      `<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>${ref('obj', root)}` +
        `<skip>true</skip>${everyFolder}</objectSet></spec><partialUpdates>false</partialUpdates>`,
    );
    const limited = (version: string) =>
      lab.client.call(
        'WaitForUpdatesEx',
        own,
        `<version>${version}</version><options><maxWaitSeconds>0</maxWaitSeconds><maxObjectUpdates>3</maxObjectUpdates></options>`,
      );
    const first = await limited('');
    expect(all(at(first, 'returnval.filterSet'), 'objectSet')).toHaveLength(3);
    expect(textAt(first, 'returnval.truncated')).toBe('true');
    const second = await limited(versionOf(first));
    expect(all(at(second, 'returnval.filterSet'), 'objectSet').length).toBeGreaterThan(0);
    expect((await limited(versionOf(second))).children).toEqual([]);
  });
});
