import { BackingInUseError } from '../errors/index.js';
import { parseDatastorePath } from '../model/datastore-path.js';
import { readProperties, readPropertiesOfEach } from '../vim/property-collector.js';
import type { MoRef, PropertiesOf } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { diskPaths } from './backing.js';

/** A disk's file, by the datastore it is in: that one's name may change. */
export interface FileAddress {
  readonly datastore: MoRef;
  /** Datastore path. */
  readonly path: string;
}

/** Who refers to a disk's file, as far as this session can see. */
export interface FileReferences {
  /** The VMs that have it, be it as a parent. */
  readonly vms: readonly { readonly ref: MoRef; readonly name: string }[];
  /** How many VMs of the datastore could not be looked at: any of them may refer to it. */
  readonly unreadable: number;
}

/** VMs in one reply: what is read of each is short. */
const pageSize = 500;

/**
 * Asks which VMs refer to a disk's file: an instance that is off holds no lock, and a linked clone does not have the disk but is
 * built on it. `VirtualMachine.layout` names both; a VM without one is asked for its devices.
 *
 * @param except VMs that do not count
 */
export async function referencesTo(
  vim: VimSession,
  { datastore, path }: FileAddress,
  except: readonly MoRef[],
  { signal }: AbortableOptions = {},
): Promise<FileReferences> {
  const { name, vm: refs = [] } = await readProperties(vim, datastore, 'Datastore', ['name', 'vm'], { signal });
  const others = refs.filter(({ value }) => !except.some((one) => one.value === value));
  const isTheFile = sameFileAs(path, name);
  const { found, unreadable } = await readPropertiesOfEach(vim, others, 'VirtualMachine', ['name', 'layout.disk'], {
    maxObjects: pageSize,
    signal,
  });
  const withoutLayout = found.filter(({ properties }) => properties['layout.disk'] === undefined).map(({ ref }) => ref);
  const byDevices = await readPropertiesOfEach(
    vim,
    withoutLayout,
    'VirtualMachine',
    ['name', 'runtime.connectionState', 'config.hardware.device'],
    { maxObjects: pageSize, signal },
  );
  // Of a VM that its host does not tell of, no devices does not mean that it has none.
  const isUnknown = (
    vm: PropertiesOf<'VirtualMachine', 'runtime.connectionState' | 'config.hardware.device'>,
  ): boolean => vm['config.hardware.device'] === undefined || vm['runtime.connectionState'] !== 'connected';
  const referring = [
    ...found.filter(({ properties }) => properties['layout.disk']?.some(({ diskFile }) => diskFile.some(isTheFile))),
    ...byDevices.found.filter(({ properties }) => filesOf(properties).some(isTheFile)),
  ];
  const unknown = byDevices.found.filter(
    ({ properties }) => isUnknown(properties) && !filesOf(properties).some(isTheFile),
  );
  return {
    vms: referring.map(({ ref, properties }) => ({ ref, name: properties.name })),
    unreadable: unreadable.length + byDevices.unreadable.length + unknown.length,
  };
}

/** Whether the file may be deleted for all that is known. */
export function isFree({ vms, unreadable }: FileReferences): boolean {
  return vms.length === 0 && unreadable === 0;
}

/**
 * Refuses a disk that another VM refers to. VMs that cannot be looked at are no reason: a disk may be replaced beside them, but
 * its file is then kept.
 *
 * @throws BackingInUseError that names them
 */
export function assertNotReferred(backingName: string, { vms }: FileReferences, what: string): void {
  if (vms.length === 0) return;
  const names = vms.map(({ name }) => name);
  throw new BackingInUseError(
    `the disk of ${backingName} is also attached to, or the parent of a disk of, ${listOf(names)}, so it cannot be ${what}: ` +
      'detach it there first',
  );
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function filesOf(vm: PropertiesOf<'VirtualMachine', 'config.hardware.device'>): string[] {
  return diskPaths(vm['config.hardware.device'], { parents: true });
}

/** Compares files within one datastore; of two names it has, the path may have the former. */
function sameFileAs(path: string, datastoreName: string): (other: string) => boolean {
  const wanted = parseDatastorePath(path);
  return (other) => {
    const { datastore, folder, file } = parseDatastorePath(other);
    const here = datastore === datastoreName || datastore === wanted.datastore;
    return here && file === wanted.file && folder === wanted.folder;
  };
}
