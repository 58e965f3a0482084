import { assertPoweredOff, readBacking, type AttachedDisk, type Backing } from '../backing/backing.js';
import { formatDatastorePath, parseDatastorePath } from '../model/datastore-path.js';
import { giveDiskUuid } from '../backing/give-disk-uuid.js';
import { datacenterOf, readDatastores } from '../backing/inventory.js';
import { canRelocate, relocateBacking } from '../backing/relocate-backing.js';
import { extraConfig } from '../backing/vm-config.js';
import { asBackingError } from '../backing/backing-faults.js';
import type { Operation } from '../operation/operation.js';
import {
  BackingInvalidError,
  NoValidDatastoreError,
  RestoreError,
  throwIfAborted,
  VimFault,
  VolumeHasSnapshotsError,
} from '../errors/index.js';
import { writeJournal, type DiskReplacement, type RestoreJournal } from '../journal/restore-journal.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { wrongProfiles } from '../pbm/wrong-profiles.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { VimSession } from '../vim/vim-session.js';
import type { ParsedVolume } from '../model/volume.js';
import { exchangeDisk, readAttachedDisks } from './attach-disk.js';
import { importTemporaryVm, type ImportedVm } from './import-temporary-vm.js';
import type { Restoration } from './restoration.js';
import type { RestoreSource } from '../stream/restore-source.js';
import { assertUnlocked, extendDisk, hasUuid, moveDisk, setDiskUuid, type DiskFile } from '../backing/virtual-disk.js';

/**
 * The blueprint's restore over an existing backing: import the stream as a temporary VM and reconfigure the backing to
 * replace its disk with the temporary VM's.
 *
 * Every step before the exchange leaves the volume as it was; the exchange itself is one call. The old disk's file and
 * the temporary VM are still there when it took effect: `resolveRestore` ends both, after this as after any failure.
 */
export async function replacingDisk(
  operation: Operation,
  journal: RestoreJournal,
  volume: ParsedVolume,
  found: Backing,
  profiles: StorageProfiles,
  source: RestoreSource,
): Promise<Restoration> {
  const { vim, signal } = operation;
  const datacenter = await datacenterOf(vim, found.ref, { signal });
  await assertNotInUse(operation, found, datacenter);
  const backing = await withRoom(operation, found, profiles, source, volume);
  const { disk } = backing;
  const replacement: DiskReplacement = {
    backing: backing.ref.value,
    datacenter: datacenter.value,
    oldDisk: disk.path,
    controllerKey: disk.device.controllerKey ?? 0,
    unitNumber: disk.device.unitNumber ?? 0,
    storageProfile: profiles.disk,
  };
  const target = {
    folder: backing.folder,
    resourcePool: backing.resourcePool,
    host: backing.host,
    adapterType: disk.adapterType,
    provisioning: disk.provisioning,
    hardwareVersion: backing.hardwareVersion ?? operation.config.hardwareVersion,
    vmPathName: `[${parseDatastorePath(disk.path).datastore}]`,
    storageProfiles: profiles,
  };

  return {
    importDisk: () => importTemporaryVm(operation, { ...journal, replacement }, target, source),

    async takeEffect(imported) {
      const wrong = await wrongProfiles(vim, imported, profiles, { signal });
      if (wrong !== undefined) throw new RestoreError(`${wrong}; the volume has its old disk`);
      const importedDisk = { path: imported.disk.path, datacenter };
      const newDisk = { path: newDiskPath(disk.path, journal.operation), datacenter };
      const planned = { ...replacement, importedDisk: importedDisk.path, newDisk: newDisk.path };
      await detachImportedDisk(operation, imported, { ...journal, replacement: planned });
      await moveDisk(vim, importedDisk, newDisk, { signal });
      const capacityBytes = Math.max(volume.sizeBytes, imported.disk.capacityBytes);
      if (capacityBytes > imported.disk.capacityBytes) {
        await extendDisk(vim, newDisk, capacityBytes, disk.provisioning, { signal });
      }
      if (disk.uuid !== undefined) await setDiskUuid(vim, newDisk, disk.uuid, { signal });
      await exchange(operation, backing, profiles, newDisk, capacityBytes);
    },
  };
}

/** The new disk's file: beside the old one, and named after the operation so that no other restore can mean it. */
function newDiskPath(oldDisk: string, operationId: string): string {
  const { datastore, folder, file } = parseDatastorePath(oldDisk);
  const base = file.replace(/\.vmdk$/, '').replace(/-restored-[0-9a-f]{8}$/, '');
  return formatDatastorePath({ datastore, folder, file: `${base}-restored-${operationId.slice(0, 8)}.vmdk` });
}

/** Writes down where the disk is and will be, and detaches it, in one atomic reconfiguration. */
async function detachImportedDisk(
  { vim, signal }: Operation,
  { ref, disk }: ImportedVm,
  journal: RestoreJournal,
): Promise<void> {
  const spec = {
    deviceChange: [{ operation: 'remove', device: disk.device }],
    extraConfig: extraConfig(writeJournal(journal)),
  };
  await settle(vim, {
    make: () => runTask(vim, 'ReconfigVM_Task', ref, { spec }, { signal }),
    on: ref,
    lookUp: async () => (await readAttachedDisks(vim, ref)).length === 0 || undefined,
  });
}

/** Gives the backing the new disk for the old one, and proves it; a new disk that is not as it should be goes back out. */
async function exchange(
  operation: Operation,
  before: Backing,
  profiles: StorageProfiles,
  newDisk: DiskFile,
  capacityBytes: number,
): Promise<void> {
  const { vim, signal } = operation;
  const now = await readBacking(vim, before.ref, { signal });
  assertUnchanged(before, now);
  await assertNotInUse(operation, now, newDisk.datacenter);
  // The last moment at which the operation can be cancelled.
  throwIfAborted(signal);
  const { device, provisioning, uuid } = now.disk;
  const slot = {
    path: newDisk.path,
    controllerKey: device.controllerKey ?? 0,
    unitNumber: device.unitNumber ?? 0,
    capacityBytes,
    provisioning,
    storageProfile: profiles.disk,
  };
  await exchangeDisk(vim, before.ref, now.disk, slot, now.changeVersion).catch((error: unknown) => {
    throw asBackingError(error, before.name);
  });

  const after = await withUuid(vim, await readBacking(vim, before.ref), newDisk, uuid);
  const wrong = whatIsWrong(after.disk, { ...slot, uuid }) ?? (await wrongProfiles(vim, after, profiles));
  if (wrong === undefined) return;
  const oldSlot = { ...slot, path: now.disk.path, capacityBytes: now.disk.capacityBytes };
  await exchangeDisk(vim, before.ref, after.disk, oldSlot);
  throw new RestoreError(`the exchanged disk was not as it should be (${wrong}); the volume has its old disk again`);
}

/** A server that did not keep the UUID which the detached disk was given takes it for the attached one. */
async function withUuid(
  vim: VimSession,
  backing: Backing,
  { path }: DiskFile,
  uuid: string | undefined,
): Promise<Backing> {
  if (uuid === undefined || backing.disk.path !== path || hasUuid(backing.disk.uuid, uuid)) return backing;
  await giveDiskUuid(vim, backing, uuid).catch((error: unknown) => {
    // What the disk lacks is seen by who asked.
    if (!(error instanceof VimFault)) throw error;
  });
  return readBacking(vim, backing.ref);
}

/** A disk that somebody has open could be exchanged, and then not be deleted. */
async function assertNotInUse({ vim, signal }: Operation, { name, disk }: Backing, datacenter: MoRef): Promise<void> {
  const { path, uuid } = disk;
  await assertUnlocked(vim, { path, uuid, datacenter }, { signal }).catch((error: unknown) => {
    throw asBackingError(error, name);
  });
}

/** The backing may have been touched while bytes moved: what was refused at the beginning is refused now. */
function assertUnchanged(before: Backing, now: Backing): void {
  assertPoweredOff(now);
  if (now.hasSnapshots) {
    throw new VolumeHasSnapshotsError(`${now.name} got a snapshot during the restore; its disk was not replaced`);
  }
  if (now.disk.path !== before.disk.path) {
    throw new BackingInvalidError(`${now.name} got another disk during the restore: ${now.disk.path}`);
  }
}

function whatIsWrong(
  disk: AttachedDisk,
  wanted: {
    readonly path: string;
    readonly controllerKey: number;
    readonly unitNumber: number;
    readonly capacityBytes: number;
    readonly uuid: string | undefined;
  },
): string | undefined {
  if (disk.path !== wanted.path) return `its file is ${disk.path}`;
  if (disk.capacityBytes !== wanted.capacityBytes) return `its capacity is ${disk.capacityBytes} bytes`;
  if (disk.device.controllerKey !== wanted.controllerKey || disk.device.unitNumber !== wanted.unitNumber) {
    return 'it is attached elsewhere';
  }
  if (!hasUuid(disk.uuid, wanted.uuid)) return `its UUID is ${disk.uuid ?? 'unknown'}`;
  return undefined;
}

/**
 * Old and new disk lie side by side until the exchange is proved. Where the backing's datastore has no room for both, the
 * backing is relocated to one that has.
 */
async function withRoom(
  { vim, config, signal, progress }: Operation,
  backing: Backing,
  profiles: StorageProfiles,
  source: RestoreSource,
  volume: ParsedVolume,
): Promise<Backing> {
  const { disk } = backing;
  const neededBytes = disk.provisioning === 'thin' ? source.allocatedBytes : volume.sizeBytes;
  const [datastore] = await readDatastores(vim, [disk.datastore], { signal });
  const summary = datastore?.properties.summary;
  if (summary === undefined || summary.freeSpace >= neededBytes) return backing;
  if (canRelocate(vim)) {
    // Nothing changes for a bad backup, this neither: a stream that was not looked at yet is read twice then.
    progress.enter('validate');
    await source.validate((bytesDone) => {
      progress.advance({ bytesDone, streamBytes: bytesDone });
    }, signal);
    const both = neededBytes + (backing.committedBytes ?? disk.capacityBytes);
    return relocateBacking(vim, config, backing, { neededBytes: both, profiles }, { signal });
  }
  throw new NoValidDatastoreError(`the backing's datastore has no room for a second disk`, [
    { name: summary.name, reason: `${summary.freeSpace} bytes free, ${neededBytes} needed` },
  ]);
}
