import { type AttachedDisk, readBacking } from '../backing/backing.js';
import { asBackingError } from '../backing/backing-faults.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import { reportProvisioning } from '../backing/report-provisioning.js';
import { type ShadowVm, shadowVmConfig } from '../backing/vm-config.js';
import { BackupCorruptError, isVimFault, NoValidDatastoreError, RestoreError } from '../errors/index.js';
import {
  type DiskReplacement,
  temporaryVmName,
  temporaryVmUuid,
  type UnwrittenJournal,
  writeJournal,
} from '../journal/restore-journal.js';
import { NfcLease } from '../nfc/nfc-lease.js';
import { sendDisk } from '../nfc/send-disk.js';
import type { Operation } from '../operation/operation.js';
import type { RestoreSource } from '../stream/restore-source.js';
import type { MeasuredStream } from '../stream/stream-meter.js';
import type { MoRef } from '../vim/schema/index.js';
import { serverTime } from '../vim/server-time.js';
import { busyError } from './busy-error.js';
import { findTemporaryVmOf } from './find-temporary-vms.js';

/** Where a temporary VM goes and what its disk is to be like. */
export interface ImportTarget extends Pick<
  ShadowVm,
  'adapterType' | 'provisioning' | 'diskMode' | 'hardwareVersion' | 'vmPathName' | 'storageProfiles'
> {
  readonly folder: MoRef;
  readonly resourcePool: MoRef;
  readonly host: MoRef | undefined;
  /** For the journal: what the imported disk is to replace. */
  readonly replacement?: DiskReplacement | undefined;
}

/** A temporary VM that holds the restored disk. */
export interface ImportedVm {
  readonly ref: MoRef;
  readonly disk: AttachedDisk;
  readonly measured: MeasuredStream;
}

/** One import of a stream as a temporary VM, and what is known of that VM should it fail. */
export class ImportAttempt {
  readonly #operation: Operation;
  readonly #journal: UnwrittenJournal;
  readonly #source: RestoreSource;
  #folder: MoRef | undefined;

  constructor(operation: Operation, journal: UnwrittenJournal, source: RestoreSource) {
    this.#operation = operation;
    this.#journal = journal;
    this.#source = source;
  }

  /**
   * Imports the stream (blueprint: "import the stream-optimized virtual disk file to create a temporary VM"). When it resolves,
   * the server has taken every byte, the stream was the backup's, and the VM's disk has the stream's capacity.
   */
  async run(target: ImportTarget): Promise<ImportedVm> {
    const { vim, signal } = this.#operation;
    const requestLease = () => this.#requestLease(target);
    const { entity: ref, measured } = await sendDisk(this.#operation, target.host, requestLease, this.#source);
    const imported = await readBacking(vim, ref, { signal });
    assertCapacity(imported.disk, measured);
    reportProvisioning(this.#operation, imported.disk, target.provisioning);
    return { ref, disk: imported.disk, measured };
  }

  /** The temporary VM, if the import left one. */
  async find(): Promise<MoRef | undefined> {
    if (this.#folder === undefined) return undefined;
    return (await findTemporaryVmOf(this.#operation.vim, this.#journal, this.#folder))?.ref;
  }

  async #requestLease({ folder, resourcePool, host, replacement, ...disk }: ImportTarget): Promise<NfcLease> {
    const { vim, signal } = this.#operation;
    const stamp = (await serverTime(vim, { signal })).toISOString();
    const journal = { ...this.#journal, startedAt: stamp, stamp, replacement };
    const configSpec = {
      ...shadowVmConfig({
        ...disk,
        name: temporaryVmName(journal.volumeId),
        capacityBytes: this.#source.capacityBytes,
        extraConfig: writeJournal(journal),
      }),
      uuid: temporaryVmUuid,
    };
    const spec = { _type: 'VirtualMachineImportSpec', configSpec } as const;
    const args = { spec, folder, ...(host === undefined ? {} : { host }) };
    this.#folder = folder;
    try {
      return await NfcLease.open(this.#operation, () => vim.invoke('ImportVApp', resourcePool, args));
    } catch (error) {
      throw await asImportError(this.#operation, error, journal);
    }
  }
}

function assertCapacity(disk: AttachedDisk, { info }: MeasuredStream): void {
  if (disk.capacityBytes !== info.capacityBytes) {
    throw new BackupCorruptError(
      `the imported disk has ${disk.capacityBytes} bytes where the stream is of ${info.capacityBytes}`,
    );
  }
}

async function asImportError({ vim, signal }: Operation, error: unknown, journal: UnwrittenJournal): Promise<unknown> {
  const fault = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isVimFault(fault, 'DuplicateName', 'AlreadyExists')) {
    const there = fault.detail['object'] as MoRef | undefined;
    return busyError(vim, there, journal.volumeId, { signal });
  }
  if (isVimFault(fault, 'FileAlreadyExists')) {
    const { file } = fault.detail;
    return new RestoreError(
      `${typeof file === 'string' ? file : 'the folder of the import'} is there already: register the VM it is of, or remove it`,
      { cause: error },
    );
  }
  if (isVimFault(fault, 'NoDiskSpace')) {
    return new NoValidDatastoreError('the datastore has no room for the restored disk', [], { cause: error });
  }
  return asBackingError(vim, error, escapeInventoryName(journal.volumeName));
}
