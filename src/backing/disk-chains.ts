import { VimProtocolError } from '../errors/index.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';

/** A disk's file, by the datastore it is in: that one's name may change. */
export interface FileAddress {
  readonly datastore: MoRef;
  /** Datastore path. */
  readonly path: string;
}

/** The files that a disk stands on: its own, and then those it is built on, the nearest first. */
export type DiskChain = readonly [FileAddress, ...FileAddress[]];

type Device = VimObject<'VirtualDevice'>;

/** A file-backed disk's file, and what that is built on, be it of any kind. */
interface DiskFileInfo {
  readonly fileName: string;
  readonly datastore?: MoRef | undefined;
  readonly parent?: DiskFileInfo | undefined;
}

/**
 * Every file that a VM's disks stand on; `undefined` where the server does not tell all of them. It tells no devices of a VM whose
 * configuration it cannot read, and a disk may be of a kind that is not known here: neither means that there is no file.
 */
export function diskChains(devices: readonly Device[] | undefined): readonly DiskChain[] | undefined {
  const chains = disksOf(devices).map((file) => file && chainOf(file));
  return devices && chains.every((chain) => chain !== undefined) ? chains : undefined;
}

/** Datastore paths of the files that a VM's disks stand on, disk by disk, as far as the server tells them. */
export function toldPaths(devices: readonly Device[] | undefined): readonly (readonly string[])[] {
  return disksOf(devices).map(pathsOf);
}

/** The file of each disk; `undefined` where none is told. */
function disksOf(devices: readonly Device[] = []): readonly (DiskFileInfo | undefined)[] {
  return devices.flatMap(({ _type, backing }) =>
    _type === 'VirtualDisk' ? [backing !== undefined && 'fileName' in backing ? backing : undefined] : [],
  );
}

function pathsOf(file: DiskFileInfo | undefined): string[] {
  return file === undefined ? [] : [file.fileName, ...pathsOf(file.parent)];
}

function chainOf({ fileName, datastore, parent }: DiskFileInfo): DiskChain | undefined {
  const rest = parent === undefined ? [] : chainOf(parent);
  return datastore && rest && [{ datastore, path: fileName }, ...rest];
}

/** Why not all disks of a VM are known. Its devices may be told later; a disk of an unknown kind stays one. */
export function disksUntold(
  name: string,
  devices: readonly Device[] | undefined,
): { readonly message: string; readonly retryable: boolean } {
  return devices === undefined
    ? { message: `the server does not tell what disks ${name} has: its files may be out of reach`, retryable: true }
    : {
        message: `the server does not tell all files of the disks of ${name}: one of them is of an unknown kind, or its datastore is not told`,
        retryable: false,
      };
}

/** A VM's devices, and every file that the disks among them stand on. */
export interface ToldDisks {
  readonly devices: readonly Device[];
  readonly chains: readonly DiskChain[];
}

/**
 * What a VM has attached.
 *
 * @throws VimProtocolError where the server does not tell all of it
 */
export function toldDisks(name: string, devices: readonly Device[] | undefined): ToldDisks {
  const chains = diskChains(devices);
  if (devices !== undefined && chains !== undefined) return { devices, chains };
  const { message, retryable } = disksUntold(name, devices);
  throw new VimProtocolError(message, { retryable });
}

/** Datastore paths of the disks themselves. */
export function diskPaths(chains: readonly DiskChain[]): string[] {
  return chains.map(([{ path }]) => path);
}
