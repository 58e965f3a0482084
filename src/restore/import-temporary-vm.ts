import { readBacking, type AttachedDisk } from '../backing/backing.js';
import { shadowVmConfig, type ShadowVm } from '../backing/vm-config.js';
import { asBackingError } from '../backing/backing-faults.js';
import type { Operation } from '../operation/operation.js';
import { BackupCorruptError, isVimFault, NoValidDatastoreError, RestoreError } from '../errors/index.js';
import { temporaryVmName, temporaryVmUuid, writeJournal, type RestoreJournal } from '../journal/restore-journal.js';
import { pickDiskUrl } from '../nfc/device-url.js';
import { NfcLease } from '../nfc/nfc-lease.js';
import type { MeasuredStream } from '../nfc/stream-meter.js';
import { asTransferError, transfer } from '../nfc/transfer.js';
import type { MoRef } from '../vim/schema/index.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import type { RestoreSource } from './restore-source.js';
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
 * stream's capacity and the wanted provisioning.
 */
export async function importTemporaryVm(
  operation: Operation,
  journal: RestoreJournal,
  target: ImportTarget,
  source: RestoreSource,
): Promise<ImportedVm> {
  const { vim, config, slots, signal, logger, progress } = operation;
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
  await using lease = await vim
    .invoke('ImportVApp', resourcePool, args)
    .then((ref) => NfcLease.ready(vim, ref, logger, { signal }))
    .catch((error: unknown) => {
      throw asImportError(error, journal);
    });
  const disk = pickDiskUrl(lease.info, vim);

  const needs = { lease, url: disk.url, slots, stallTimeoutMs: config.stallTimeoutMs, signal };
  const measured = await transfer(needs, async (scope) => {
    const { stream, length, verify } = await source.open((bytesDone) => {
      scope.moved(bytesDone / length);
      progress.advance({ bytesDone, streamBytes: bytesDone });
    });
    progress.enter('import', length);
    const options = { length, thumbprint: disk.thumbprint, signal: scope.signal };
    await vim.upload(disk.url, stream, { ...uploadFor(target.provisioning), ...options }).catch((error: unknown) => {
      throw asTransferError(error);
    });
    return verify();
  });
  await lease.complete({ signal });

  const ref = lease.info.entity;
  const imported = await readBacking(vim, ref, { signal });
  assertAsWanted(imported.disk, target, measured);
  return { ref, disk: imported.disk, measured };
}

/** A POST of a streamed VMDK keeps a thin disk thin; a PUT that overwrites allocates it. */
function uploadFor(provisioning: ImportTarget['provisioning']) {
  switch (provisioning) {
    case 'thin':
      return { method: 'POST', headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' } } as const;
    case 'thick':
    case 'eagerZeroedThick':
      return {
        method: 'PUT',
        headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk', Overwrite: 't' },
      } as const;
  }
}

function assertAsWanted(disk: AttachedDisk, target: ImportTarget, { info }: MeasuredStream): void {
  if (disk.capacityBytes !== info.capacityBytes) {
    throw new BackupCorruptError(
      `the imported disk has ${disk.capacityBytes} bytes where the stream is of ${info.capacityBytes}`,
    );
  }
  if (disk.provisioning !== target.provisioning) {
    throw new RestoreError(`the server made the disk ${disk.provisioning} where ${target.provisioning} was asked for`);
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
