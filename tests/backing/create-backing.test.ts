import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBacking } from '../../src/backing/create-backing.js';
import { parseVolume } from '../../src/driver/parse-arguments.js';
import type { VmdkDriverConfig, Volume } from '../../src/index.js';
import { silentLogger } from '../../src/logger.js';
import { cinderAdapterTypes, diskProvisionings } from '../../src/model/disk-kinds.js';
import { parseConfig } from '../../src/operation/driver-config.js';
import { Leftovers } from '../../src/operation/leftovers.js';
import { Lab, refusal } from '../driver/support/lab.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** What `CreateVM_Task` was asked for last. */
const created = () => lab.simulator.calls().findLast(({ method }) => method === 'CreateVM_Task')?.args?.['config'];

async function create(changes: Partial<Volume> = {}, config: VmdkDriverConfig = {}): Promise<Volume> {
  const volume = { id: randomUUID(), size: 1, ...changes };
  await lab.driverWith({ config }).createBacking(volume);
  return volume;
}

describe('a new backing is as Cinder makes it', () => {
  test('by default: smallest machine, one thin disk on an lsiLogic controller, marked with the volume’s id', async () => {
    const volume = await create();
    expect(lab.vmOf(volume)).toMatchObject({
      name: `volume-${volume.id}`,
      version: 'vmx-08',
      guestId: 'otherGuest',
      extraConfig: { 'cinder.volume.id': volume.id },
      powerState: 'poweredOff',
    });
    expect(lab.diskOf(volume)).toMatchObject({
      capacityBytes: 2 ** 30,
      provisioning: 'thin',
      controllerType: 'VirtualLsiLogicController',
      unitNumber: 0,
      diskMode: 'persistent',
    });
    expect(lab.diskOf(volume).uuid.toLowerCase()).toBe(volume.id);
    expect(created()).toMatchObject({
      numCPUs: 1,
      memoryMB: 128,
      instanceUuid: volume.id,
      // The disk first, then the controller it names.
      deviceChange: [
        { operation: 'add', fileOperation: 'create', device: { _type: 'VirtualDisk', capacityInKB: 1024 * 1024 } },
        { operation: 'add', device: { _type: 'VirtualLsiLogicController', busNumber: 0, sharedBus: 'noSharing' } },
      ],
    });
  });

  test.each(cinderAdapterTypes)('on another controller: %s', async (adapterType) => {
    const volume = await create({}, { adapterType });
    const descriptorType = {
      lsiLogic: 'lsilogic',
      busLogic: 'buslogic',
      lsiLogicsas: 'lsisas1068',
      paraVirtual: 'pvscsi',
      ide: 'ide',
    };
    expect(lab.diskOf(volume).adapterType).toBe(descriptorType[adapterType]);
  });

  test('on IDE: on the controller that every VM has', async () => {
    const volume = await create({}, { adapterType: 'ide' });
    expect(lab.diskOf(volume)).toMatchObject({ controllerType: 'VirtualIDEController', controllerKey: 200 });
    expect((created() as { deviceChange: unknown[] }).deviceChange).toHaveLength(1);
  });

  test.each(diskProvisionings)('of another type: %s', async (provisioning) => {
    const volume = await create({ volumeType: { extraSpecs: { 'vmware:vmdk_type': provisioning } } });
    expect(lab.diskOf(volume)).toMatchObject({ provisioning });
  });

  test('on the controller that its type asks for, whatever the configuration says', async () => {
    const type = { extraSpecs: { 'vmware:adapter_type': 'busLogic' } };
    const volume = await create({ volumeType: type }, { adapterType: 'ide' });
    expect(lab.diskOf(volume).controllerType).toBe('VirtualBusLogicController');
  });

  test('under another name, and with another hardware version', async () => {
    const volume = await create({ name: 'mine', projectId: null, volumeType: null }, { hardwareVersion: 'vmx-13' });
    expect(lab.vmOf(volume)).toMatchObject({ name: 'mine', version: 'vmx-13' });
  });

  test('in its project’s folder, which is made once, also by two at a time', async () => {
    const config = { volumeFolder: 'Other' };
    const volumes = await Promise.all([1, 2, 3].map(() => create({ projectId: 'p/1' }, config)));
    for (const volume of volumes) {
      expect(lab.vmOf(volume).inventoryPath).toBe(`/DC0/vm/OpenStack/Project (p%2f1)/Other/volume-${volume.id}`);
    }
    const without = await create();
    expect(lab.vmOf(without).inventoryPath).toBe(`/DC0/vm/OpenStack/Volumes/volume-${without.id}`);
  });

  test('once: a reply that is lost is looked up, not asked for again', async () => {
    const volume = { id: randomUUID(), size: 1 };
    const before = lab.callsOf('CreateVM_Task');
    lab.simulator.injectFault({ method: 'CreateVM_Task', when: 'after', kind: 'reset' });
    await lab.driver.createBacking(volume);
    expect(lab.callsOf('CreateVM_Task') - before).toBe(1);
    expect(lab.simulator.vms().filter(({ instanceUuid }) => instanceUuid === volume.id)).toHaveLength(1);
    expect(lab.diskOf(volume).uuid.toLowerCase()).toBe(volume.id);
  });

  test('once: of two who create it at once, on two machines, both get the same one', async () => {
    const volume = parseVolume({ id: randomUUID(), size: 1 });
    // The driver's own lock is for one process: this is what two of them come to.
    const creation = { vim: lab.vim, config: parseConfig({}), logger: silentLogger, leftovers: new Leftovers() };
    const before = lab.callsOf('CreateVM_Task');
    const [one, other] = await Promise.all([createBacking(creation, volume), createBacking(creation, volume)]);
    expect(one).toEqual(other);
    expect(lab.callsOf('CreateVM_Task') - before).toBe(2);
    expect(lab.vmOf(volume).ref).toEqual(one);
    expect(lab.simulator.vms().filter(({ name }) => name === volume.name)).toHaveLength(1);
    expect(lab.diskOf(volume).uuid.toLowerCase()).toBe(volume.id);
    await lab.expectNothingLeft();
  });

  test('a creation that fails is told, and leaves nothing', async () => {
    const volume = { id: randomUUID(), size: 1 };
    lab.simulator.injectFault({
      method: 'CreateVM_Task',
      when: 'task',
      kind: { fault: 'NoPermission', privilegeId: 'x', object: { type: 'Folder', value: 'group-v3' } },
    });
    const error = await lab.refusedUnchanged(() => lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume));
    expect(error).toMatchObject({ code: 'VIM_FAULT', faultName: 'NoPermission', phase: 'prepare' });
  });
});

describe('a backing is found', () => {
  const find = async (volume: Volume): Promise<string | undefined> => {
    const ref = await lab.driver.createBacking(volume);
    return lab.simulator.vm(ref.value)?.name;
  };
  const calls = () => lab.callsOf('CreateVM_Task');

  test('by the volume’s id, whatever it is called and wherever it lies', async () => {
    const id = randomUUID();
    await lab.simulator.addVm({
      name: 'renamed by hand',
      folder: 'a/b/c',
      instanceUuid: id,
      disk: { capacityBytes: 2 ** 20 },
    });
    const before = calls();
    expect(await find({ id, size: 1 })).toBe('renamed by hand');
    expect(calls()).toBe(before);
  });

  test('by name, where no VM has the id', async () => {
    const id = randomUUID();
    await lab.simulator.addVm({ name: `volume-${id}`, disk: { capacityBytes: 2 ** 20 } });
    const before = calls();
    expect(await find({ id, size: 1 })).toBe(`volume-${id}`);
    expect(calls()).toBe(before);
  });

  test('never as a VM that is marked as another volume’s', async () => {
    const id = randomUUID();
    await lab.simulator.addVm({
      name: `volume-${id}`,
      disk: { capacityBytes: 2 ** 20 },
      extraConfig: { 'cinder.volume.id': randomUUID() },
    });
    const before = calls();
    await find({ id, size: 1 });
    expect(calls()).toBe(before + 1);
    expect(lab.vmOf({ id }).inventoryPath).toContain('/OpenStack/Volumes/');
  });

  test('of two with the same id, by the mark; two that could be it are refused', async () => {
    const id = randomUUID();
    const twin = { instanceUuid: id, disk: { capacityBytes: 2 ** 20 } };
    await lab.simulator.addVm({ ...twin, name: 'clone' });
    await lab.simulator
      .addVm({ ...twin, name: 'original', extraConfig: { 'cinder.volume.id': id } })
      .catch(() => undefined);
    const twins = lab.simulator.vms().filter(({ instanceUuid }) => instanceUuid === id);
    // A server may refuse or change a second instance UUID: then there is nothing to tell apart.
    if (twins.length === 2) expect(await find({ id, size: 1 })).toBe('original');

    const name = `same-${id}`;
    await lab.simulator.addVm({ name, disk: { capacityBytes: 2 ** 20 } });
    await lab.simulator.addVm({ name, folder: 'OpenStack/Volumes', disk: { capacityBytes: 2 ** 20 } });
    const error = await refusal(() => lab.driver.createBacking({ id: 'no uuid', name, size: 1 }));
    expect(error).toMatchObject({ code: 'BACKING_INVALID' });
  });

  test('without reading the inventory: the number of VMs does not matter', async () => {
    const volume = await create();
    const from = lab.simulator.calls().length;
    await lab.driver.createBacking(volume);
    const few = lab.simulator.calls().length - from;
    for (let i = 0; i < 50; i++) await lab.simulator.addVm({ name: `other-${i}`, disk: { capacityBytes: 2 ** 20 } });
    const again = lab.simulator.calls().length;
    await lab.driver.createBacking(volume);
    expect(lab.simulator.calls().length - again).toBe(few);
    expect(few).toBeLessThan(8);
  });
});
