import { randomUUID } from 'node:crypto';
import type { Volume } from '../../../src/index.js';
import type { Provisioning, StoragePolicyOptions } from '../../../src/simulator/index.js';
import { bytesPerGiB, type Lab, someContent } from '../../driver/support/lab.js';

/** The simulator has `datastore1` and `datastore2` unless it is told otherwise. */
export const policies: readonly StoragePolicyOptions[] = [
  { name: 'silver', id: 'silver-id', compatibleDatastores: ['datastore1'] },
  { name: 'gold', id: 'gold-id', compatibleDatastores: ['datastore2'] },
  { name: 'anywhere but 1', id: 'anywhere-id', compatibleDatastores: ['datastore2', 'datastore3'] },
  { name: 'nowhere', id: 'nowhere-id', compatibleDatastores: [] },
];

/** A volume without backing whose type names a policy. */
export function volumeOfPolicy(name: string): Volume {
  return { id: randomUUID(), size: 1, volumeType: { extraSpecs: { 'vmware:storage_profile': name } } };
}

/** A volume whose backing and disk have a policy, which its type does not name. */
export async function volumeWithPolicy(
  lab: Lab,
  storagePolicy: string,
  datastore = 'datastore2',
  provisioning: Provisioning = 'thin',
): Promise<Volume> {
  const id = randomUUID();
  await lab.simulator.addVm({
    name: `volume-${id}`,
    instanceUuid: id,
    disk: { capacityBytes: bytesPerGiB, uuid: id, provisioning },
    extraConfig: { 'cinder.volume.id': id },
    datastore,
    storagePolicy,
  });
  const volume = { id, size: 1 };
  await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
  return volume;
}
