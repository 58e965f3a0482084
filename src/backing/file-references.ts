import { BackingInUseError } from '../errors/index.js';
import { lookAgain } from '../vim/look-again.js';
import { readProperties } from '../vim/property-collector.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { comparisonWith, type FileComparison } from './compare-files.js';
import type { FileAddress } from './disk-chains.js';
import { readVmFiles, type VmFiles } from './vm-files.js';

/** A VM that refers to a disk's file. */
export interface Referrer {
  readonly ref: MoRef;
  readonly name: string;
  /** Whether a disk of it is built on the file, or would be after it went back to one of its snapshots. */
  readonly isBuiltOnIt: boolean;
}

/** Who refers to a disk's file, as far as this session can see. */
export interface FileReferences {
  readonly vms: readonly Referrer[];
  /** How many VMs of the datastore could not be looked at: any of them may refer to it. */
  readonly unreadable: number;
  /** Whether the datastore lists the VM that has the file. A list that does not is not whole: what it leaves out may refer to it. */
  readonly isListed: boolean;
  /** What the datastore is called. */
  readonly datastore: string;
}

/** On whose behalf it is asked. */
export interface Asker {
  /** The VM, which does not count itself. */
  readonly ref: MoRef;
  /** Whether it has the file, so that a list of the datastore's VMs without it is not whole. */
  readonly hasFile: boolean;
}

/** VMs in one reply: what is read of each is short. */
const pageSize = 500;

/** One look at a datastore's VMs. */
interface Look {
  readonly references: FileReferences;
  /** Whether something changed meanwhile, for all that can be told: another look may tell more. */
  readonly isStale: boolean;
}

/**
 * Asks which VMs refer to a disk's file: an instance that is off holds no lock, a linked clone does not have the disk but is built on
 * it, and a snapshot keeps what its VM may have no more.
 *
 * A datastore's list of VMs may lag behind what was attached, and a VM may move to another one between the list and the look at it, or
 * its datastore be given another name: then it is looked again before that is believed.
 */
export async function referencesTo(
  vim: VimSession,
  file: FileAddress,
  asker: Asker,
  { signal }: AbortableOptions = {},
): Promise<FileReferences> {
  const options = { maxObjects: pageSize, signal };
  let { references, isStale } = await lookAt(vim, file, asker, options);
  const look = async (): Promise<FileReferences | undefined> => {
    if (isStale) ({ references, isStale } = await lookAt(vim, file, asker, options));
    return isStale ? undefined : references;
  };
  return (await lookAgain(vim, look, options)) ?? references;
}

async function lookAt(
  vim: VimSession,
  { datastore, path }: FileAddress,
  asker: Asker,
  options: AbortableOptions & { readonly maxObjects: number },
): Promise<Look> {
  const place = await readProperties(vim, datastore, 'Datastore', ['name', 'summary.url', 'vm'], options);
  const { vm: refs = [] } = place;
  const others = refs.filter(({ value }) => value !== asker.ref.value);
  const compare = comparisonWith(path, { name: place.name, url: place['summary.url'] });
  const { seen, unreadable } = await readVmFiles(vim, others, options);
  const vms = seen.flatMap((vm) => referrer(vm, compare));
  const silent = seen.filter((vm) => referrer(vm, compare).length === 0 && !isKnown(vm, compare));
  const isListed = lists(refs, asker);
  return {
    references: {
      vms,
      unreadable: unreadable + silent.length,
      isListed,
      datastore: place.name,
    },
    isStale: !isListed || silent.some(({ isWhole }) => isWhole),
  };
}

/** A datastore of which somebody has a file has a VM: none is what a server says that does not tell. */
function lists(refs: readonly MoRef[], { ref, hasFile }: Asker): boolean {
  return refs.length > 0 && (!hasFile || refs.some(({ value }) => value === ref.value));
}

/** Whether the file may be deleted for all that is known. */
export function isFree({ vms, unreadable, isListed }: FileReferences): boolean {
  return vms.length === 0 && unreadable === 0 && isListed;
}

/**
 * Refuses a disk that another VM refers to. VMs that cannot be looked at are no reason: a disk may be replaced beside them, but
 * its file is then kept.
 *
 * @throws BackingInUseError that names them
 */
export function assertNotReferred(backingName: string, { vms }: Pick<FileReferences, 'vms'>, what: string): void {
  if (vms.length === 0) return;
  const names = vms.map(({ name }) => name);
  throw new BackingInUseError(
    `the disk of ${backingName} is also attached to, kept by a snapshot of, or the parent of a disk of, ${listOf(names)}, so it ` +
      `cannot be ${what}: detach it there, and remove the snapshots that keep it, first`,
  );
}

/**
 * Refuses where a file would not stay where it is: also where VMs cannot be looked at or are not listed, since any of them may refer to
 * it.
 *
 * @throws BackingInUseError
 */
export function assertFree(backingName: string, references: FileReferences, what: string): void {
  assertNotReferred(backingName, references, what);
  const { unreadable, isListed, datastore } = references;
  if (unreadable > 0) {
    throw new BackingInUseError(
      `${unreadable} VMs on the datastore of ${backingName} cannot be read: any of them may use its disk, so it cannot be ${what}`,
    );
  }
  if (!isListed) {
    throw new BackingInUseError(
      `the datastore ${datastore} does not list ${backingName} among its VMs: its list is stale, and what it leaves out may use the ` +
        `disk, so that cannot be ${what}`,
      { retryable: true },
    );
  }
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** What a snapshot keeps is built on as soon as the VM goes back to it. */
function referrer({ ref, name, chains, kept }: VmFiles, compare: FileComparison): Referrer[] {
  const having = chains.filter((chain) => chain.some((file) => compare(file) === 'same'));
  const isKept = kept.some((file) => compare(file) === 'same');
  return having.length === 0 && !isKept
    ? []
    : [{ ref, name, isBuiltOnIt: isKept || having.some((chain) => chain.length > 1) }];
}

function isKnown({ chains, kept, isWhole }: VmFiles, compare: FileComparison): boolean {
  return isWhole && [...chains.flat(), ...kept].every((file) => compare(file) !== 'unknown');
}
