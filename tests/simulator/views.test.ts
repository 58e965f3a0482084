import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { type Ref, ref, refOf, refsOf, SoapClient } from './support/soap-client.js';
import { all, at } from './support/xml-node.js';

let lab: Lab;
const root = { type: 'Folder', value: 'group-d1' };
const manager = { type: 'ViewManager', value: 'ViewManager' };
beforeAll(async () => {
  lab = await openLab();
  await lab.simulator.addVm({ name: 'top' });
  await lab.simulator.addVm({ name: 'deep', folder: 'a/b' });
});
afterAll(() => lab.close());

const view = (container: Ref, types: readonly string[], recursive = true, client = lab.client): Promise<Ref> =>
  client.callForRef(
    'CreateContainerView',
    manager,
    ref('container', container) +
      types.map((type) => `<type>${type}</type>`).join('') +
      `<recursive>${recursive}</recursive>`,
  );
const typesIn = async (object: Ref): Promise<string[]> =>
  refsOf(await lab.client.property(object, 'view')).map(({ type }) => type);

describe('ContainerView', () => {
  it('holds what is in the container, each once, and follows it', async () => {
    const vms = await view(root, ['VirtualMachine']);
    expect(await typesIn(vms)).toEqual(['VirtualMachine', 'VirtualMachine']);
    await lab.simulator.addVm({ name: 'later' });
    expect(await typesIn(vms)).toHaveLength(3);
    await lab.simulator.removeVm('later');
    expect(await typesIn(vms)).toHaveLength(2);
  });

  it('of no type holds everything', async () => {
    const types = new Set(await typesIn(await view(root, [])));
    expect([...types].sort()).toEqual([
      'ClusterComputeResource',
      'Datacenter',
      'Datastore',
      'Folder',
      'HostSystem',
      'Network',
      'ResourcePool',
      'VirtualMachine',
    ]);
  });

  it('counts subtypes in, and without recursion looks no further', async () => {
    expect(await typesIn(await view(root, ['ComputeResource']))).toEqual(['ClusterComputeResource']);
    expect(await typesIn(await view(root, [], false))).toEqual(['Datacenter']);
    expect(await typesIn(await view(lab.vmFolder, ['VirtualMachine'], false))).toHaveLength(1);
    expect(await typesIn(await view(lab.pool, []))).toEqual(['VirtualMachine', 'VirtualMachine']);
  });

  it('can be where a property collector starts', async () => {
    const container = await view(root, ['VirtualMachine']);
    const traversal = '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet>';
    const response = await lab.client.call(
      'RetrieveProperties',
      lab.client.manager('PropertyCollector'),
      '<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' +
        `<objectSet>${ref('obj', container)}<skip>true</skip>${traversal}</objectSet></specSet>`,
    );
    expect(
      all(response, 'returnval')
        .map((object) => at(object, 'propSet.val')!.text)
        .sort(),
    ).toEqual(['deep', 'top']);
  });

  it('is gone once destroyed, and with its session', async () => {
    const destroyed = await view(root, []);
    await lab.client.call('DestroyView', destroyed);
    await expect(lab.client.property(destroyed, 'view')).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });

    const other = await SoapClient.connect(lab.simulator);
    const theirs = await view(root, [], true, other);
    await other.call('Logout', other.manager('SessionManager'));
    other.close();
    await expect(lab.client.property(theirs, 'view')).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
  });

  it('is refused of what contains nothing and for types that are in no inventory', async () => {
    const [vm] = refsOf(await lab.client.property(await view(root, ['VirtualMachine']), 'view'));
    await expect(view(vm!, [])).rejects.toMatchObject({ type: 'InvalidArgument' });
    await expect(view(root, ['Task'])).rejects.toMatchObject({ type: 'InvalidArgument' });
    await expect(view(root, ['Nothing'])).rejects.toMatchObject({ type: 'InvalidArgument' });
    await expect(lab.client.callForRef('CreateContainerView', manager, ref('container', root))).rejects.toMatchObject({
      type: 'InvalidRequest',
    });
  });
});

describe('Fetch', () => {
  const fetch = (object: Ref, prop: string) => lab.client.call('Fetch', object, `<prop>${prop}</prop>`);

  it('reads one property, told by its type', async () => {
    const name = at(await fetch(lab.datacenter, 'name'), 'returnval')!;
    expect([name.attributes['xsi:type'], name.text]).toEqual(['xsd:string', 'DC0']);
    const stores = at(await fetch(lab.datacenter, 'datastore'), 'returnval')!;
    expect(stores.attributes['xsi:type']).toBe('ArrayOfManagedObjectReference');
    expect(refsOf(stores)).toHaveLength(2);
    expect(refOf(at(await fetch(lab.datacenter, 'vmFolder'), 'returnval')!)).toEqual(lab.vmFolder);
  });

  it('has nothing to return where the property is unset, and refuses what is none', async () => {
    expect((await fetch(root, 'parent')).children).toEqual([]);
    await expect(fetch(root, 'nothing')).rejects.toMatchObject({ type: 'InvalidProperty' });
  });
});
