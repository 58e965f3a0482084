import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Volume } from '../../src/index.js';
import { temporaryVmName, temporaryVmUuid } from '../../src/journal/restore-journal.js';
import type { NewVmDisk, VmInfo } from '../../src/simulator/index.js';
import type { MoRef } from '../../src/vim/schema/index.js';
import { bytesPerMiB, Lab } from './support/lab.js';

/** What is there, and not the planter's. */
interface Scene {
  readonly volume: Volume;
  readonly backing: VmInfo;
  /** The volume's disk. */
  readonly disk: string;
  /** Another VM that is off, and its disk. */
  readonly stranger: VmInfo;
  readonly strangersDisk: string;
  /** A disk in a folder of its own, and one in the backing's folder, that no VM has. */
  readonly loose: string;
  readonly beside: string;
}

/** A VM that somebody plants, with what it claims of itself. */
interface Plant {
  readonly name?: string;
  readonly disks?: readonly NewVmDisk[];
  /** Over the claims of a real restore of the volume. An empty value takes one away. */
  readonly claims?: Readonly<Record<string, string>>;
}

let lab: Lab;
let datacenter: string;
let datastore: string;
beforeAll(async () => {
  lab = await Lab.start();
  datacenter = await refAt('DC0');
  datastore = await refAt('DC0/datastore/datastore1');
});
afterAll(() => lab[Symbol.asyncDispose]());

async function refAt(inventoryPath: string): Promise<string> {
  const { searchIndex } = lab.vim.serviceContent;
  const found: unknown = await lab.vim.invoke('FindByInventoryPath', searchIndex!, { inventoryPath });
  return (found as MoRef).value;
}

async function scene(): Promise<Scene> {
  const { administrator } = lab.simulator;
  const volume = await lab.addVolume();
  const backing = lab.vmOf(volume);
  const disk = { capacityBytes: bytesPerMiB };
  const stranger = await lab.simulator.addVm({ name: `stranger-${volume.id}`, disk });
  const folder = await lab.simulator.addVm({ name: `loose-${volume.id}`, disks: [disk, disk] });
  const [first, second] = folder.disks.map(({ path }) => path);
  for (const path of [first!, second!]) await administrator.detachDisk(folder.ref.value, path);
  const beside = `[datastore1] volume-${volume.id}/kept by somebody.vmdk`;
  await moveDisk(second!, beside);
  return {
    volume,
    backing,
    disk: backing.disks[0]!.path,
    stranger,
    strangersDisk: stranger.disks[0]!.path,
    loose: first!,
    beside,
  };
}

async function moveDisk(sourceName: string, destName: string): Promise<void> {
  const { virtualDiskManager } = lab.vim.serviceContent;
  const sourceDatacenter = { type: 'Datacenter', value: datacenter };
  await lab.vim.invoke('MoveVirtualDisk_Task', virtualDiskManager!, { sourceName, sourceDatacenter, destName });
  while (!lab.simulator.files().some(({ path }) => path === destName)) await new Promise(setImmediate);
}

/** What a restore of the volume that died long ago would have written, by this version or the ones before. */
function claimsOf({ volume, backing, disk, loose }: Scene): Record<string, string> {
  const operation = randomUUID();
  const at = new Date(Date.now() - 48 * 3_600_000).toISOString();
  return {
    operation,
    token: randomUUID(),
    owner: 'elsewhere.example:4242:0:0123456789abcdef',
    startedAt: at,
    stamp: at,
    volumeId: volume.id,
    volumeName: `volume-${volume.id}`,
    backing: backing.ref.value,
    datacenter,
    datastore,
    oldDisk: disk,
    controllerKey: '1000',
    unitNumber: '0',
    importedDisk: loose,
    newDisk: loose,
  };
}

const small: readonly NewVmDisk[] = [{ capacityBytes: bytesPerMiB }];

/** What somebody may plant so that a recovery harms others, each a kind of its own. */
const kinds: Readonly<Record<string, (scene: Scene) => Plant>> = {
  'says that a stranger’s disk is the old one of a completed restore': ({ disk, strangersDisk }) => ({
    claims: { newDisk: disk, oldDisk: strangersDisk },
  }),
  'says that nobody’s file is the old disk of a completed restore': ({ disk, loose }) => ({
    claims: { newDisk: disk, oldDisk: loose },
  }),
  'says that a stranger’s disk is the new one of an undone restore': ({ strangersDisk }) => ({
    claims: { newDisk: strangersDisk },
  }),
  'says that a stranger’s disk is the imported one': ({ strangersDisk }) => ({
    claims: { importedDisk: strangersDisk, newDisk: '' },
  }),
  'says that a file in another folder is the new disk': ({ loose }) => ({ claims: { newDisk: loose } }),
  'says that another file in the backing’s folder is the new disk': ({ beside }) => ({ claims: { newDisk: beside } }),
  'says that the volume’s own disk is the new one as well as the old one': ({ disk }) => ({
    claims: { newDisk: disk, importedDisk: disk },
  }),
  'says that the volume’s own disk is the imported one': ({ disk }) => ({ claims: { importedDisk: disk } }),
  'leads out of the backing’s folder': ({ volume, strangersDisk }) => ({
    claims: { newDisk: `[datastore1] volume-${volume.id}/../${strangersDisk.slice('[datastore1] '.length)}` },
  }),
  'names a path that is none': () => ({
    claims: { newDisk: '/vmfs/volumes/datastore1/x.vmdk', oldDisk: '[', importedDisk: ']' },
  }),
  'names another VM as the volume’s backing': ({ stranger, strangersDisk, disk }) => ({
    claims: { backing: stranger.ref.value, oldDisk: disk, newDisk: strangersDisk },
  }),
  'names another VM as backing, whose disk it says is superfluous': ({ stranger, strangersDisk }) => ({
    claims: { backing: stranger.ref.value, oldDisk: strangersDisk },
  }),
  'names something that is no VM as backing': () => ({ claims: { backing: 'group-d1' } }),
  'names a backing that is not there, and the volume’s disk as new': ({ disk }) => ({
    claims: { backing: 'vm-999999', newDisk: disk, importedDisk: disk },
  }),
  'names another datacenter': () => ({ claims: { datacenter: 'datacenter-999999' } }),
  'has a name that no temporary VM of the volume has': () => ({ name: `mine-${randomUUID()}` }),
  'has the name of another volume’s temporary VM': () => ({ name: temporaryVmName(randomUUID()) }),
  'says it is a new volume’s, and has a stranger’s disk': ({ strangersDisk }) => ({
    ...newVolume(),
    disks: [{ path: strangersDisk }],
  }),
  'says it is a new volume’s, and has a stranger’s raw disk mapping': ({ strangersDisk }) => ({
    ...newVolume(),
    disks: [{ path: strangersDisk, backing: 'rawDiskMapping' }],
  }),
  'says it is a new volume’s, and has the volume’s disk': ({ disk }) => ({ ...newVolume(), disks: [{ path: disk }] }),
  'says it is the volume’s restore, and has the volume’s disk': ({ disk }) => ({
    disks: [{ path: disk }],
    claims: { importedDisk: '', newDisk: '' },
  }),
  'has a disk that is built on a stranger’s': ({ strangersDisk }) => ({
    disks: [{ parent: strangersDisk }],
    claims: { importedDisk: '', newDisk: '' },
  }),
  'is of an operation whose id is a path': ({ strangersDisk }) => ({
    claims: { operation: '../../stranger', newDisk: strangersDisk },
  }),
  'has numbers that are none': ({ strangersDisk }) => ({
    claims: { controllerKey: 'NaN', unitNumber: '1e99', newDisk: strangersDisk },
  }),
  'begins in the future': ({ strangersDisk }) => ({
    claims: { startedAt: '2999-01-01T00:00:00.000Z', stamp: '2999-01-01T00:00:00.000Z', newDisk: strangersDisk },
  }),
  'is half a journal': ({ disk, strangersDisk }) => ({
    claims: { owner: '', startedAt: 'yesterday', newDisk: disk, oldDisk: strangersDisk },
  }),
};

function newVolume(): Plant {
  const volumeId = randomUUID();
  const none = { backing: '', datacenter: '', datastore: '', oldDisk: '', controllerKey: '', unitNumber: '' };
  return {
    name: temporaryVmName(volumeId),
    claims: { ...none, volumeId, volumeName: `volume-${volumeId}`, importedDisk: '', newDisk: '' },
  };
}

/** Everything but a VM and what is in its folder. */
async function allBut(vm: VmInfo) {
  const folder = vm.vmPathName.slice(0, vm.vmPathName.lastIndexOf('/'));
  const { vms, files } = await lab.simulator.state();
  const others = files.filter(({ path }) => path !== folder && !path.startsWith(`${folder}/`));
  return {
    vms: vms.filter(({ ref }) => ref.value !== vm.ref.value),
    files: await Promise.all(
      // Whose disk a file is may change with the planted VM.
      others.map(async ({ attachedTo: _to, attachedVms: _vms, ...file }) => ({
        ...file,
        content: file.kind === 'disk' ? await lab.simulator.diskFingerprint(file.path) : undefined,
      })),
    ),
  };
}

describe('a journal that somebody planted: nothing of anyone else’s is touched', () => {
  test.each(Object.keys(kinds))('%s', async (kind) => {
    const around = await scene();
    const { name = temporaryVmName(around.volume.id), disks = small, claims } = kinds[kind]!(around);
    const journal = Object.entries({ ...claimsOf(around), ...claims }).filter(([, value]) => value !== '');
    const extraConfig = Object.fromEntries(journal.map(([key, value]) => [`vmdk-driver.${key}`, value]));
    const planted = await lab.simulator.addVm({ name, uuid: temporaryVmUuid, disks, extraConfig });
    const before = await allBut(planted);

    await lab.driver.recover({ olderThanMs: 0 });

    expect(await allBut(planted)).toEqual(before);
    if (lab.simulator.vm(planted.ref.value) !== undefined) await clear(planted);
  });

  test('a journal on a VM that is no temporary one, the volume’s or a stranger’s', async () => {
    const around = await scene();
    const { administrator } = lab.simulator;
    const extraConfig = Object.fromEntries(
      Object.entries(claimsOf(around)).map(([key, value]) => [`vmdk-driver.${key}`, value]),
    );
    for (const { ref } of [around.backing, around.stranger]) {
      await administrator.changeVm(ref.value, { uuid: temporaryVmUuid, extraConfig });
    }
    const before = await lab.everything();
    await lab.driver.recover({ olderThanMs: 0 });
    expect(await lab.everything()).toEqual(before);
    for (const { ref } of [around.backing, around.stranger]) {
      const none = Object.fromEntries(Object.keys(extraConfig).map((key) => [key, '']));
      await administrator.changeVm(ref.value, { uuid: randomUUID(), extraConfig: none });
    }
  });
});

/** Takes a planted VM away, and leaves others' disks. */
async function clear({ ref }: VmInfo): Promise<void> {
  for (const { path } of lab.simulator.vm(ref.value)?.disks ?? []) {
    await lab.simulator.administrator.detachDisk(ref.value, path);
  }
  await lab.simulator.removeVm(ref.value);
}
