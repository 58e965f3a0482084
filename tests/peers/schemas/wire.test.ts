import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { DatacenterOptions, Exchange, SimulatorMode, StoragePolicyOptions } from '../../../src/simulator/index.js';
import { bytesPerGiB, Lab, someContent } from '../../driver/support/lab.js';
import { hasXsd } from '../../vim/support/xsd.js';
import { complaintsAbout, complaintsAboutRequests } from '../support/envelopes.js';
import { debianProgram, describePeer, exercised, PeerUnavailableError } from '../support/peer.js';

/** Two datastores, of which one has room for one disk only: what is created there must move to grow. */
const datacenters: DatacenterOptions[] = [
  {
    name: 'DC0',
    clusters: [{ name: 'C0', hosts: [{ name: 'h0' }] }],
    datastores: [{ name: 'small', capacityBytes: 4 * bytesPerGiB }, { name: 'large' }],
  },
];
const storagePolicies: StoragePolicyOptions[] = [{ name: 'gold', compatibleDatastores: ['small', 'large'] }];

async function schemas() {
  if (!hasXsd) throw new PeerUnavailableError("vSphere's schemas are not here: they are VMware's");
  return { ...(await debianProgram('xmllint', 'libxml2-utils')), name: "xmllint, by vSphere's schemas" };
}

/** Everything the driver does, good and refused, on one server by one path. */
async function everything(lab: Lab, mode: SimulatorMode): Promise<void> {
  const { driver, simulator } = lab;
  const volume = await lab.addVolume({ size: 1 });
  const backup = { id: 'b', volumeId: volume.id };
  const manifest = await driver.backupVolume(backup, volume);
  await simulator.writeDisk(lab.diskOf(volume).path, someContent());
  await driver.restoreBackup(backup, volume, { manifest });
  await driver.restoreBackup(backup, { ...volume, size: 2 }, { manifest });
  await driver.restoreBackup(backup, { id: randomUUID(), size: 2, projectId: 'p' }, { manifest });

  for (const provisioning of ['thin', 'thick', 'eagerZeroedThick']) {
    const other = { id: randomUUID(), size: 1, volumeType: { extraSpecs: { 'vmware:vmdk_type': provisioning } } };
    await driver.createBacking(other);
    await driver.extendVolume(other, 2);
    await driver.backupVolume({ id: provisioning, volumeId: other.id }, { ...other, size: 2 });
    await driver.restoreBackup({ id: provisioning, volumeId: other.id }, { ...other, size: 2 });
    await driver.deleteBacking(other);
  }

  if (mode === 'vcenter') {
    const extraSpecs = { 'vmware:vmdk_type': 'thick', 'vmware:storage_profile': 'gold' };
    const thick = { id: randomUUID(), size: 3, volumeType: { extraSpecs } };
    simulator.updateDatastore('large', { accessible: false });
    await driver.backupVolume({ id: 'thick', volumeId: thick.id }, thick);
    simulator.updateDatastore('large', { accessible: true });
    await driver.restoreBackup({ id: 'thick', volumeId: thick.id }, thick);
  }

  // Undone, cancelled, recovered.
  simulator.injectFault({ method: 'ReconfigVM_Task', nth: 2, when: 'task', kind: { fault: 'RuntimeFault' } });
  await expect(driver.restoreBackup(backup, volume, { manifest })).rejects.toMatchObject({ code: 'VIM_FAULT' });
  simulator.clearFaults();
  const stop = new AbortController();
  const unlisten = simulator.onCall(({ call }) => {
    if (call.method === 'MoveVirtualDisk_Task') stop.abort();
  });
  const cancelled = driver.restoreBackup(backup, { ...volume, size: 2 }, { manifest, signal: stop.signal });
  await expect(cancelled).rejects.toMatchObject({ code: 'ABORTED' });
  unlisten();
  await driver.recover({ olderThanMs: 0 });
  await lab.expectNothingLeft();
}

await describePeer("vSphere's schemas", schemas, (peer) => {
  test.each<[SimulatorMode, 'file' | 'stream']>([
    ['vcenter', 'file'],
    ['vcenter', 'stream'],
    ['esxi', 'file'],
    ['esxi', 'stream'],
  ])('%s, by %s: all that the client sends and the simulator answers is valid', async (mode, transfer) => {
    const exchanges: Exchange[] = [];
    const onExchange = (exchange: Exchange): void => void exchanges.push(exchange);
    const inventory = mode === 'vcenter' ? { datacenters, storagePolicies } : {};
    {
      await using lab = await Lab.start({ simulator: { mode, onExchange, ...inventory }, config: { transfer } });
      await everything(lab, mode);
    }
    expect(complaintsAboutRequests(exchanges)).toEqual([]);
    expect(complaintsAbout(exchanges)).toEqual([]);
    exercised(peer, `${mode}, by ${transfer}: every request of every operation, and every reply`, exchanges.length);
  });

  test('and what is out of order would be noticed', async () => {
    const exchanges: Exchange[] = [];
    const onExchange = (exchange: Exchange): void => void exchanges.push(exchange);
    {
      await using _lab = await Lab.start({ simulator: { onExchange } });
    }
    const swapped = exchanges.map(({ request, reply }) => ({
      request: request.replace(/(<userName>.*?<\/userName>)(<password>.*?<\/password>)/, '$2$1'),
      reply: reply.replace(/(<name>.*?<\/name>)(<fullName>.*?<\/fullName>)/, '$2$1'),
    }));
    expect(complaintsAboutRequests(swapped)).not.toEqual([]);
    expect(complaintsAbout(swapped)).not.toEqual([]);
  });
});
