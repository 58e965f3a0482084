import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Volume } from '../../src/index.js';
import { importStem, restoredStem } from '../../src/journal/operation-names.js';
import { temporaryVmName, temporaryVmUuid } from '../../src/journal/restore-journal.js';
import { runTask } from '../../src/vim/run-task.js';
import type { MoRef } from '../../src/vim/schema/index.js';
import { bytesPerGiB, Lab } from '../driver/support/lab.js';

let lab: Lab;
let datacenter: MoRef;
let datastore: string;
beforeEach(async () => {
  lab = await Lab.start();
  datacenter = await refAt('DC0');
  datastore = (await refAt('DC0/datastore/datastore1')).value;
});
afterEach(() => lab[Symbol.asyncDispose]());

async function refAt(inventoryPath: string): Promise<MoRef> {
  const { searchIndex } = lab.vim.serviceContent;
  return (await lab.vim.invoke('FindByInventoryPath', searchIndex!, { inventoryPath })) as MoRef;
}

/** What vSAN and virtual volumes name folders by. */
const objectNames = {
  'vSAN named': () => randomUUID(),
  'a virtual volume names by a UUID': () => `rfc4122.${randomUUID()}`,
  'a virtual volume names by a number': () => `naa.${randomUUID().replaceAll('-', '')}`,
};

/** A volume whose folder is named by the id of an object, and where a restore of its own would put its new disk. */
async function addVolume(
  objectName: () => string,
): Promise<Claim & { readonly folder: string; readonly operation: string }> {
  const [id, operation] = [randomUUID(), randomUUID()];
  const folder = objectName();
  const { ref, disks } = await lab.simulator.addVm({
    name: folder,
    instanceUuid: id,
    disk: { capacityBytes: bytesPerGiB, uuid: id },
    extraConfig: { 'cinder.volume.id': id },
  });
  await lab.simulator.administrator.changeVm(ref.value, { name: `volume-${id}` });
  const newDisk = `[datastore1] ${folder}/${restoredStem(`volume-${id}`, operation)}.vmdk`;
  return { volume: { id, size: 1 }, folder, disk: disks[0]!.path, operation, newDisk };
}

/** A disk that no VM has. */
async function addDisk(path: string): Promise<void> {
  const { ref, disks } = await lab.simulator.addVm({ name: randomUUID(), disk: { capacityBytes: bytesPerGiB } });
  const { virtualDiskManager } = lab.vim.serviceContent;
  const sourceName = disks[0]!.path;
  await lab.simulator.administrator.detachDisk(ref.value, sourceName);
  const args = { sourceName, sourceDatacenter: datacenter, destName: path };
  await runTask(lab.vim, 'MoveVirtualDisk_Task', virtualDiskManager!, args);
  await lab.simulator.removeVm(ref.value);
}

const exists = (wanted: string): boolean => lab.simulator.files().some(({ path }) => path === wanted);

/** What a restore that died after it had detached its disk leaves: a temporary VM without disks. */
async function deadRestore(operation: string, { volume, disk, newDisk }: Claim): Promise<void> {
  const startedAt = '2026-01-02T03:04:05.678Z';
  const journal = {
    operation,
    token: randomUUID(),
    owner: 'elsewhere.example:4242:0:0123456789abcdef',
    startedAt,
    stamp: startedAt,
    volumeId: volume.id,
    volumeName: `volume-${volume.id}`,
    backing: lab.vmOf(volume).ref.value,
    datacenter: datacenter.value,
    datastore,
    oldDisk: disk,
    controllerKey: '1000',
    unitNumber: '0',
    importedDisk: `[datastore1] ${importStem(operation)}/${importStem(operation)}.vmdk`,
    newDisk,
  };
  await lab.simulator.addVm({
    name: temporaryVmName(volume.id),
    uuid: temporaryVmUuid,
    disks: [],
    extraConfig: Object.fromEntries(Object.entries(journal).map(([key, value]) => [`vmdk-driver.${key}`, value])),
  });
}

interface Claim {
  readonly volume: Volume;
  readonly disk: string;
  readonly newDisk: string;
}

describe.each(Object.entries(objectNames))(
  'a volume in a folder that %s, moved elsewhere since its restore died: it can be used again',
  (_named, objectName) => {
    test.each([
      ['kept, and said to be: nothing tells whose that folder was', true],
      ['not there: nothing is said to be kept', false],
    ])('the new disk, not exchanged, is %s', async (_, isMoved) => {
      const { volume, disk, operation, newDisk } = await addVolume(objectName);
      if (isMoved) await addDisk(newDisk);
      await deadRestore(operation, { volume, disk, newDisk });
      lab.simulator.administrator.relocateVm(lab.vmOf(volume).ref.value);
      await expect(lab.driver.extendVolume(volume, 2)).rejects.toMatchObject({ code: 'VOLUME_BUSY' });

      const { restores } = await lab.driver.recover();
      expect(restores).toEqual([expect.objectContaining({ outcome: 'undone' })]);
      expect(restores[0]?.kept).toEqual(isMoved ? [newDisk] : undefined);
      expect(exists(newDisk)).toBe(isMoved);
      expect(lab.simulator.vms()).toHaveLength(1);
      await lab.driver.extendVolume(volume, 2);
    });

    test('the new disk that only turns up while its restore is ended is kept as well', async () => {
      const { volume, folder, disk, operation, newDisk } = await addVolume(objectName);
      await deadRestore(operation, { volume, disk, newDisk });
      // By which the folder stays when the VM leaves.
      await addDisk(`[datastore1] ${folder}/other.vmdk`);
      lab.simulator.administrator.relocateVm(lab.vmOf(volume).ref.value);
      // A move that was on its way, or a datastore that was out of reach: it comes when the imported disk was found to be gone.
      let comes: Promise<void> | undefined;
      const stop = lab.simulator.onCall(async ({ phase, call }) => {
        if (phase === 'before' && call.method === 'DeleteVirtualDisk_Task') await (comes ??= addDisk(newDisk));
      });
      const { restores } = await lab.driver.recover();
      stop();
      expect(comes).toBeDefined();
      expect(restores[0]).toMatchObject({ outcome: 'undone', kept: [newDisk] });
      expect(exists(newDisk)).toBe(true);
    });

    test.each([
      ['goes, where backing and journal agree on it', true],
      ['is kept, where they do not', false],
    ])('the old disk, exchanged, %s', async (_, agree) => {
      const { volume, folder, disk, operation, newDisk } = await addVolume(objectName);
      const removed = `[datastore1] ${folder}/removed.vmdk`;
      await addDisk(removed);
      await deadRestore(operation, { volume, disk: agree ? removed : disk, newDisk });
      const { ref } = lab.vmOf(volume);
      await lab.simulator.administrator.changeVm(ref.value, {
        extraConfig: {
          'vmdk-driver.operation': operation,
          'vmdk-driver.removedDisk': removed,
          'vmdk-driver.removedDatastore': datastore,
        },
      });
      lab.simulator.administrator.relocateVm(ref.value);

      const { restores } = await lab.driver.recover();
      expect(restores).toEqual([expect.objectContaining({ outcome: 'completed' })]);
      expect(restores[0]?.kept).toEqual(agree ? undefined : [removed]);
      expect(exists(removed)).toBe(!agree);
      expect(lab.diskOf(volume).missing).toBe(false);
    });

    test('a file that only looks like a restored one, of another name, is not touched', async () => {
      const { volume, folder, disk, operation } = await addVolume(objectName);
      const newDisk = `[datastore1] ${folder}/other.vmdk`;
      await addDisk(newDisk);
      await deadRestore(operation, { volume, disk, newDisk });
      lab.simulator.administrator.relocateVm(lab.vmOf(volume).ref.value);
      const { restores } = await lab.driver.recover();
      expect(restores).toEqual([expect.objectContaining({ outcome: 'failed' })]);
      expect(exists(newDisk)).toBe(true);
      expect(lab.simulator.vms()).toHaveLength(2);
    });
  },
);
