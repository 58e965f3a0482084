import { randomUUID } from 'node:crypto';
import { attachedDisks, readBacking, volumeIdKey } from '../backing/backing.js';
import { isUuid } from '../backing/disk-uuid.js';
import { findBacking, findBackingById } from '../backing/find-backing.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import { placeDisk } from '../backing/placement.js';
import { extendDisk, hasUuid } from '../backing/virtual-disk.js';
import { extraConfig, managedByCinder, vmPathName } from '../backing/vm-config.js';
import { ensureVolumeFolder } from '../backing/volume-folder.js';
import { isVimFault, RestoreError, throwIfAborted, VolumeBusyError } from '../errors/index.js';
import { eraseJournal, temporaryVmUuid, type UnwrittenJournal } from '../journal/restore-journal.js';
import { fileNameFor } from '../model/datastore-path.js';
import type { AdapterType, DiskMode, DiskProvisioning } from '../model/disk-kinds.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { wrongProfiles } from '../pbm/wrong-profiles.js';
import type { RestoreSource } from '../stream/restore-source.js';
import { lookWithinOneSession } from '../vim/look-within-one-session.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import { whenFree } from '../vim/when-free.js';
import { endPublication } from './end-publication.js';
import { undone } from './ending.js';
import { ImportAttempt, type ImportedVm } from './import-temporary-vm.js';
import type { Ownership } from './ownership.js';
import type { Restoration } from './restoration.js';
import type { JournalledVm } from './temporary-vm.js';

/** What a new backing's disk is to be like. */
export interface DiskKind {
  readonly adapterType: AdapterType;
  readonly provisioning: DiskProvisioning;
  readonly diskMode: DiskMode | undefined;
  /** The storage policies of VM and disk. */
  readonly storageProfiles: StorageProfiles;
}

/**
 * The blueprint's restore to a new volume: import the stream to create a new backing VM.
 *
 * The VM is imported under a temporary name, made whole (size, disk UUID) and then published by one reconfiguration, which gives
 * it the volume's name and identity and ends its journal. Before it the volume has no backing, after it it has a whole one.
 */
export async function planNewBacking(
  operation: Operation,
  journal: UnwrittenJournal,
  volume: ParsedVolume,
  kind: DiskKind,
  source: RestoreSource,
): Promise<Restoration> {
  const { vim, config, signal, logger } = operation;
  const { storageProfiles } = kind;
  const rules = { ...config, storageProfile: storageProfiles.disk };
  const placement = await placeDisk(vim, rules, volume.sizeBytes, { signal });
  const attempt = new ImportAttempt(operation, journal, source);
  let isPublished = false;
  return {
    async importDisk() {
      const folder = await ensureVolumeFolder(operation, placement.vmFolder, volume.projectId);
      try {
        return await attempt.run({
          ...kind,
          folder,
          resourcePool: placement.resourcePool,
          host: placement.host,
          hardwareVersion: config.hardwareVersion,
          vmPathName: vmPathName(placement.datastoreName, fileNameFor(volume.name)),
        });
      } catch (error) {
        // The folder on the datastore may be that of a backing which somebody else was faster to make.
        if (error instanceof RestoreError) {
          // Where that cannot be told either, the failure itself says more.
          assertStillNew(volume, await findBacking(operation, volume).catch(() => undefined), error);
        }
        throw error;
      }
    },

    async apply(imported, ownership) {
      const disk = { path: imported.disk.path, datacenter: placement.datacenter };
      if (volume.sizeBytes > imported.disk.capacityBytes) {
        const { provisioning } = imported.disk;
        // Every byte that is added is written, which takes its time. The last sign of life is as old as the import was long.
        if (provisioning === 'eagerZeroedThick') await ownership.showLife({ signal });
        await whenFree(vim, () => extendDisk(vim, disk, volume.sizeBytes, provisioning, { signal }), { signal });
      }
      await makeWhole(operation, imported, ownership, volume);
      const wrong = await wrongProfiles(vim, imported, storageProfiles, { signal });
      if (wrong !== undefined) throw new RestoreError(wrong);
      // The last moment at which the operation can be cancelled.
      throwIfAborted(signal);
      await publish(operation, ownership, volume);
      isPublished = true;
    },

    async end(ownership) {
      // The journal went with it: nothing is left to be looked for.
      if (isPublished) return { ...undone, resolution: 'completed' };
      const ref = ownership?.ref ?? (await attempt.find());
      if (ref === undefined) return undone;
      const end = { token: randomUUID(), takesFrom: journal.token, logger };
      const ending = await endPublication(vim, ref, end);
      return { ...ending, lost: ending.lost && ownership !== undefined };
    },
  };
}

/** Gives the disk the volume's size and UUID, in one reconfiguration; then proves it. */
async function makeWhole(
  { vim, signal }: Operation,
  { ref, disk }: ImportedVm,
  ownership: Ownership,
  volume: ParsedVolume,
): Promise<void> {
  const capacityBytes = Math.max(volume.sizeBytes, disk.capacityBytes);
  const uuid = isUuid(volume.id) ? volume.id : undefined;
  const spec = ({ devices }: JournalledVm): VimObject<'VirtualMachineConfigSpec'> => {
    // As it is now: it may have been extended since.
    const device = attachedDisks(devices).find(({ path }) => path === disk.path)?.device ?? disk.device;
    const { backing } = device;
    const whole = {
      ...device,
      ...(backing === undefined || uuid === undefined ? {} : { backing: { ...backing, uuid } }),
      capacityInKB: capacityBytes / 1024,
      capacityInBytes: capacityBytes,
    };
    // A server may not have kept the UUID that the import gave the VM.
    return { uuid: temporaryVmUuid, deviceChange: [{ operation: 'edit', device: whole }] };
  };
  await ownership.change({ spec, isMade: () => true }, { signal });
  const now = await readBacking(vim, ref, { signal });
  if (now.disk.capacityBytes !== capacityBytes || !hasUuid(now.disk.uuid, uuid)) {
    throw new RestoreError("the restored disk did not take the volume's size and UUID");
  }
}

/** Makes the temporary VM the volume's: its name, its identity, and the end of its journal, at once. */
async function publish(operation: Operation, ownership: Ownership, volume: ParsedVolume): Promise<void> {
  const spec = {
    name: escapeInventoryName(volume.name),
    // It must not be found as a temporary VM any more.
    uuid: randomUUID(),
    ...(isUuid(volume.id) ? { instanceUuid: volume.id } : {}),
    managedBy: managedByCinder,
    extraConfig: extraConfig({ ...eraseJournal(), [volumeIdKey]: volume.id }),
  };
  // Its host may have come back, or somebody registered it again, while bytes moved; a name tells only of what lies in one folder.
  const look = (): Promise<MoRef | undefined> => findBackingById(operation, volume);
  assertStillNew(volume, await lookWithinOneSession(operation.vim, look, { signal: operation.signal }));
  try {
    await ownership.change({
      spec: () => spec,
      isMade: ({ sight }) => sight.published,
    });
  } catch (error) {
    if (!isVimFault(error, 'DuplicateName')) throw error;
    assertStillNew(volume, await findBacking(operation, volume), error);
    throw new RestoreError(`another object is named ${volume.name} in the volume's folder`, { cause: error });
  }
}

/** @throws VolumeBusyError where the volume has a backing by now */
function assertStillNew({ id }: ParsedVolume, found: MoRef | undefined, cause?: unknown): void {
  if (found === undefined) return;
  throw new VolumeBusyError(`volume ${id} got a backing from somebody else during the restore: restore again`, {
    ...(cause === undefined ? {} : { cause }),
    retryable: true,
  });
}
