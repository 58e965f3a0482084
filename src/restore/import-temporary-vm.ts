import { readBacking, type AttachedDisk } from '../backing/backing.js';
import { reportProvisioning } from '../backing/report-provisioning.js';
import { shadowVmConfig, type ShadowVm } from '../backing/vm-config.js';
import { asBackingError } from '../backing/backing-faults.js';
import type { Operation } from '../operation/operation.js';
import { BackupCorruptError, isVimFault, NoValidDatastoreError } from '../errors/index.js';
import { temporaryVmName, temporaryVmUuid, writeJournal, type RestoreJournal } from '../journal/restore-journal.js';
import { NfcLease } from '../nfc/nfc-lease.js';
import type { MeasuredStream } from '../stream/stream-meter.js';
import { sendDisk } from '../nfc/send-disk.js';
import type { MoRef } from '../vim/schema/index.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import type { RestoreSource } from '../stream/restore-source.js';
import { busyError } from './temporary-vm.js';

/** Where a temporary VM goes and what its disk is to be like. */
export interface ImportTarget extends Pick<
  ShadowVm,
  'adapterType' | 'provisioning' | 'hardwareVersion' | 'vmPathName' | 'storageProfiles'
> {
  readonly folder: MoRef;
  readonly resourcePool: MoRef;
  readonly host: MoRef | undefined;
}

/** A temporary VM that holds the restored disk. */
export interface ImportedVm {
  readonly ref: MoRef;
  readonly disk: AttachedDisk;
  readonly measured: MeasuredStream;
}

/**
 * Imports a stream as a temporary VM (blueprint: "import the stream-optimized virtual disk file to create a temporary
 * VM"). When it resolves, the server has taken every byte, the stream was the backup's, and the VM's disk has the
 * stream's capacity.
 */
export async function importTemporaryVm(
  operation: Operation,
  journal: RestoreJournal,
  target: ImportTarget,
  source: RestoreSource,
): Promise<ImportedVm> {
  const { vim, signal, logger } = operation;
  const configSpec = {
    ...shadowVmConfig({
      ...target,
      name: temporaryVmName(journal.volumeId),
      capacityBytes: source.capacityBytes,
      extraConfig: writeJournal(journal),
    }),
    uuid: temporaryVmUuid,
  };
  const spec = { _type: 'VirtualMachineImportSpec', configSpec } as const;
  const { resourcePool, folder, host } = target;
  const args = { spec, folder, ...(host === undefined ? {} : { host }) };
  const ready = vim
    .invoke('ImportVApp', resourcePool, args)
    .then((ref) => NfcLease.ready(vim, ref, logger, { signal }))
    .catch((error: unknown) => {
      throw asImportError(error, journal);
    });
  const { entity: ref, measured } = await sendDisk(operation, ready, source);

  const imported = await readBacking(vim, ref, { signal });
  assertCapacity(imported.disk, measured);
  reportProvisioning(operation, imported.disk, target.provisioning);
  return { ref, disk: imported.disk, measured };
}

function assertCapacity(disk: AttachedDisk, { info }: MeasuredStream): void {
  if (disk.capacityBytes !== info.capacityBytes) {
    throw new BackupCorruptError(
      `the imported disk has ${disk.capacityBytes} bytes where the stream is of ${info.capacityBytes}`,
    );
  }
}

function asImportError(error: unknown, journal: RestoreJournal): unknown {
  const fault = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isVimFault(fault, 'DuplicateName', 'AlreadyExists')) return busyError({ ...journal, owner: 'another process' });
  if (isVimFault(fault, 'NoDiskSpace')) {
    return new NoValidDatastoreError('the datastore has no room for the restored disk', [], { cause: error });
  }
  return asBackingError(error, escapeInventoryName(journal.volumeName));
}
