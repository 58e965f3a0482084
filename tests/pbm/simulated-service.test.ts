import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Lab } from '../driver/support/lab.js';
import { policies, volumeWithPolicy } from './support/policies.js';

let lab: Lab;

beforeEach(async () => {
  lab = await Lab.start({ simulator: { storagePolicies: policies } });
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const service = { type: 'PbmServiceInstance', value: 'ServiceInstance' };

describe("the simulator's storage policy service", () => {
  test('lists policies, and tells those of what datastores offer apart', async () => {
    const { profileManager } = await lab.vim.invoke('PbmRetrieveServiceContent', service, {});
    const resourceType = { resourceType: 'STORAGE' };
    const ids = await lab.vim.invoke('PbmQueryProfile', profileManager, { resourceType });
    const offers = await lab.vim.invoke('PbmQueryProfile', profileManager, {
      resourceType,
      profileCategory: 'RESOURCE',
    });
    const [gold] = await lab.vim.invoke('PbmRetrieveContent', profileManager, {
      profileIds: [{ uniqueId: 'gold-id' }],
    });

    expect(ids?.map(({ uniqueId }) => uniqueId)).toEqual(['silver-id', 'gold-id', 'anywhere-id', 'nowhere-id']);
    expect(offers ?? []).toEqual([]);
    expect(gold).toMatchObject({ name: 'gold', profileId: { uniqueId: 'gold-id' }, profileCategory: 'REQUIREMENT' });
    const unknown = { profileIds: [{ uniqueId: 'unknown' }] };
    await expect(lab.vim.invoke('PbmRetrieveContent', profileManager, unknown)).rejects.toMatchObject({
      faultName: 'InvalidArgument',
    });
  });

  test('says of each entity by itself that it is not there', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const { ref } = lab.vmOf(volume);
    const { profileManager } = await lab.vim.invoke('PbmRetrieveServiceContent', service, {});
    const entities = [
      { objectType: 'virtualDiskId', key: `${ref.value}:${lab.diskOf(volume).key}` },
      { objectType: 'virtualDiskId', key: `${ref.value}:9` },
    ];

    const answer = await lab.vim.invoke('PbmQueryAssociatedProfiles', profileManager, { entities });

    expect(answer).toMatchObject([
      { profileId: [{ uniqueId: 'gold-id' }] },
      { fault: { fault: { _type: 'PbmFaultNotFound' } } },
    ]);
  });

  test('a clone and a relocated VM have the policies of the original unless it is told otherwise', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const vm = lab.vmOf(volume);
    const spec = {
      location: { profile: [{ _type: 'VirtualMachineDefinedProfileSpec', profileId: 'silver-id' }] as const },
      template: false,
      powerOn: false,
    };
    const parent = await vmFolder();
    await taskOf(lab.vim.invoke('CloneVM_Task', vm.ref, { folder: parent, name: 'clone', spec }));
    await taskOf(lab.vim.invoke('RelocateVM_Task', vm.ref, { spec: {} }));

    const clone = lab.simulator.vm('clone');
    expect([clone?.storageProfile, clone?.disks[0]?.storageProfile]).toEqual(['silver-id', 'gold-id']);
    expect([lab.vmOf(volume).storageProfile, lab.diskOf(volume).storageProfile]).toEqual(['gold-id', 'gold-id']);
  });

  test('a policy nobody has cannot be set', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const vmProfile = [{ _type: 'VirtualMachineDefinedProfileSpec', profileId: 'unknown' }] as const;

    await taskOf(lab.vim.invoke('ReconfigVM_Task', lab.vmOf(volume).ref, { spec: { vmProfile } }));

    expect(lab.simulator.tasks().at(-1)?.error).toBe('InvalidArgument');
    expect(lab.vmOf(volume).storageProfile).toBe('gold-id');
  });
});

async function vmFolder() {
  const path = { inventoryPath: 'DC0/vm' };
  const { searchIndex } = lab.vim.serviceContent;
  const found = searchIndex && (await lab.vim.invoke('FindByInventoryPath', searchIndex, path));
  if (found === undefined) throw new Error('there is no VM folder');
  return found;
}

/** Waits for a task's end, well or not. */
async function taskOf(call: Promise<{ readonly value: string }>): Promise<void> {
  const { value } = await call;
  while (lab.simulator.tasks().some(({ ref, state }) => ref.value === value && !['success', 'error'].includes(state))) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
