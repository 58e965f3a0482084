import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { Lab } from '../driver/support/lab.js';
import { until } from '../support/until.js';

test('two volumes created at once share one folder, whatever characters its name has', async () => {
  await using lab = await Lab.start({ config: { volumeFolder: 'Bände/50%' } });
  const volumes = [0, 1, 2].map(() => ({ id: randomUUID(), size: 1, projectId: 'a/b\\c%2f ü' }));

  await Promise.all(volumes.map((volume) => lab.driver.createBacking(volume)));

  const folders = new Set(volumes.map((volume) => lab.vmOf(volume).inventoryPath.replace(/\/[^/]*$/, '')));
  expect(folders.size).toBe(1);
  // Each level was created, or lost the race for it and used the winner's.
  expect([...folders][0]).toContain('OpenStack/Project (a%2fb%5cc%252f ü)/Bände%2f50%25');
});

test('a folder somebody else creates at that moment is used', async () => {
  await using lab = await Lab.start();
  const other = lab.driverWith({});
  const volumes = [0, 1].map(() => ({ id: randomUUID(), size: 1, projectId: 'p' }));
  // Both look before either creates.
  let creating = 0;
  lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'CreateFolder') return;
    creating++;
    await until(() => creating >= 2);
  });

  await Promise.all([lab.driver.createBacking(volumes[0]!), other.createBacking(volumes[1]!)]);

  const faults = lab.simulator.calls().filter(({ fault }) => fault !== undefined);
  expect(faults.map(({ method }) => method)).toContain('CreateFolder');
  expect(lab.simulator.vms().map(({ inventoryPath }) => inventoryPath.replace(/\/[^/]*$/, ''))).toEqual(
    [0, 1].map(() => expect.stringMatching(/OpenStack\/Project \(p\)\/Volumes$/)),
  );
});

test('a backing without instance UUID is found by name, in the volume folder and in the datacenter itself', async () => {
  await using lab = await Lab.start();
  const [filed, loose] = [0, 1].map(() => ({ id: randomUUID(), size: 1, projectId: 'p' }));
  const disk = { capacityBytes: 2 ** 30 };
  const inFolder = await lab.simulator.addVm({
    name: `volume-${filed!.id}`,
    folder: 'OpenStack/Project (p)/Volumes',
    disk,
  });
  const atTop = await lab.simulator.addVm({ name: `volume-${loose!.id}`, disk });

  expect(await lab.driver.createBacking(filed!)).toEqual(inFolder.ref);
  expect(await lab.driver.createBacking(loose!)).toEqual(atTop.ref);
});

test("a VM of the volume's name that is marked as another volume's is not its backing", async () => {
  await using lab = await Lab.start();
  const volume = { id: randomUUID(), size: 1, name: 'shared name', projectId: 'p' };
  const foreign = await lab.simulator.addVm({
    name: 'shared name',
    disk: { capacityBytes: 2 ** 30 },
    extraConfig: { 'cinder.volume.id': randomUUID() },
  });
  expect(await lab.driver.createBacking(volume)).not.toEqual(foreign.ref);
});

test('where several VMs could be the backing, none is taken', async () => {
  await using lab = await Lab.start({ simulator: { mode: 'esxi' } });
  const volume = await lab.addVolume({ name: 'mine' });
  // Told apart by the name, where one has it.
  await lab.simulator.addVm({ name: 'copy', instanceUuid: volume.id, disk: { capacityBytes: 2 ** 30 } });
  expect(await lab.driver.createBacking(volume)).toEqual(lab.simulator.vm('mine')?.ref);

  await expect(lab.driver.createBacking({ ...volume, name: 'neither' })).resolves.toEqual(
    lab.simulator.vm('mine')?.ref,
  );
  const unmarked = { id: randomUUID(), size: 1 };
  for (const name of ['a', 'b']) {
    await lab.simulator.addVm({ name, instanceUuid: unmarked.id, disk: { capacityBytes: 2 ** 30 } });
  }
  await expect(lab.driver.createBacking(unmarked)).rejects.toMatchObject({ code: 'BACKING_INVALID' });
});
