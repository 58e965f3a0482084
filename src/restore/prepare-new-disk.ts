import type { Backing } from '../backing/backing.js';
import { attachedDisks } from '../backing/backing.js';
import {
  type DiskFile,
  extendDisk,
  isRefusedDetached,
  moveDisk,
  setDetachedDiskUuid,
} from '../backing/virtual-disk.js';
import { extraConfig } from '../backing/vm-config.js';
import { RestoreError } from '../errors/index.js';
import { restoredStem } from '../journal/operation-names.js';
import {
  type DiskMove,
  type DiskReplacement,
  temporaryVmUuid,
  type UnwrittenJournal,
  writeJournal,
} from '../journal/restore-journal.js';
import { formatDatastorePath, parseDatastorePath } from '../model/datastore-path.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import type { MoRef } from '../vim/schema/index.js';
import { whenFree } from '../vim/when-free.js';
import { isImported } from './check-claim.js';
import type { Ownership } from './ownership.js';

/** What a new disk is made for. */
export interface NewDiskRequest {
  readonly journal: UnwrittenJournal;
  readonly replacement: DiskReplacement;
  readonly backing: Backing;
  readonly volume: ParsedVolume;
  readonly datacenter: MoRef;
}

/** A disk that is ready to be exchanged for a backing's. */
export interface NewDisk extends DiskFile {
  readonly datastore: MoRef;
  readonly capacityBytes: number;
}

/**
 * Makes the imported disk what the volume is to have: detaches it from the temporary VM, with a word in the journal of where it
 * is and will be; moves it into the backing's folder; extends it to the volume's size; gives it the old disk's UUID.
 */
export async function prepareNewDisk(
  operation: Operation,
  ownership: Ownership,
  request: NewDiskRequest,
): Promise<NewDisk> {
  const { vim, signal } = operation;
  const { datacenter, backing } = request;
  const { move, capacityBytes, importedBytes, provisioning } = await detachImportedDisk(operation, ownership, request);
  const path = await moveIntoFolder(operation, move, datacenter);
  const file = { path, datacenter };
  if (capacityBytes > importedBytes) {
    await whenFree(vim, () => extendDisk(vim, file, capacityBytes, provisioning, { signal }), { signal });
  }
  const { uuid } = backing.disk;
  if (uuid !== undefined) await whenFree(vim, () => setDetachedDiskUuid(vim, file, uuid, { signal }), { signal });
  return { ...file, datastore: { type: 'Datastore', value: move.datastore }, capacityBytes };
}

/** Writes down where the disk is and will be, and detaches it, in one atomic reconfiguration. */
async function detachImportedDisk(
  { signal }: Operation,
  ownership: Ownership,
  { journal, replacement, backing, volume }: NewDiskRequest,
) {
  let planned:
    | {
        readonly move: DiskMove;
        readonly capacityBytes: number;
        readonly importedBytes: number;
        readonly provisioning: Backing['disk']['provisioning'];
      }
    | undefined;
  await ownership.change(
    {
      spec: (vm) => {
        // As it is now: a storage vMotion of the temporary VM takes its disk along.
        const [disk] = attachedDisks(vm.devices);
        if (disk === undefined) throw new RestoreError('the temporary VM has no disk any more');
        if (disk.parentPath !== undefined) {
          throw new RestoreError(
            `somebody made a snapshot of the temporary VM: its disk is built on ${disk.parentPath}, and cannot become the volume's`,
            { retryable: true },
          );
        }
        if (!isImported(disk.path, vm)) {
          throw new RestoreError(
            `the server put the imported disk at ${disk.path}, where recovery could not tell whose it is`,
          );
        }
        const move = {
          datastore: disk.datastore.value,
          importedDisk: disk.path,
          newDisk: newDiskPath(disk.path, backing.disk.path, journal),
        };
        const capacityBytes = Math.max(volume.sizeBytes, disk.capacityBytes);
        planned = { move, capacityBytes, importedBytes: disk.capacityBytes, provisioning: disk.provisioning };
        return {
          // A server may not have kept what the import gave it.
          uuid: temporaryVmUuid,
          deviceChange: [{ operation: 'remove', device: disk.device }],
          extraConfig: extraConfig(writeJournal({ replacement: { ...replacement, capacityBytes, move } })),
        };
      },
      isMade: ({ sight }) => sight.attached.length === 0,
    },
    { signal },
  );
  if (planned === undefined) throw new RestoreError('the temporary VM was not read');
  return planned;
}

/** The new disk's file: in the old one's folder, and named after the operation so that no other restore can mean it. */
function newDiskPath(importedDisk: string, oldDisk: string, { volumeName, operation }: UnwrittenJournal): string {
  const { datastore } = parseDatastorePath(importedDisk);
  const { folder } = parseDatastorePath(oldDisk);
  return formatDatastorePath({ datastore, folder, file: `${restoredStem(volumeName, operation)}.vmdk` });
}

/** @returns where it is then: where it was, on a datastore that moves no disks */
async function moveIntoFolder(
  { vim, signal }: Operation,
  { importedDisk, newDisk }: DiskMove,
  datacenter: MoRef,
): Promise<string> {
  try {
    const from = { path: importedDisk, datacenter };
    const to = { path: newDisk, datacenter };
    await whenFree(vim, () => moveDisk(vim, from, to, { signal }), { signal });
    return newDisk;
  } catch (error) {
    if (!isRefusedDetached(error)) throw error;
    return importedDisk;
  }
}
