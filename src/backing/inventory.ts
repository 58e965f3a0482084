import { VimProtocolError } from '../errors/index.js';
import { collectProperties, readPropertiesOfMany, type TraversalOptions } from '../vim/property-collector.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';

/** A datacenter; on a single ESXi host there is one. */
export interface Datacenter {
  readonly ref: MoRef;
  readonly name: string;
  /** The root of its VM folders. */
  readonly vmFolder: MoRef;
  readonly datastores: readonly MoRef[];
}

/** A cluster, or a host that stands alone. */
export interface ComputeResource {
  readonly name: string;
  readonly hosts: readonly MoRef[];
  readonly resourcePool: MoRef | undefined;
}

/** From a folder to what is in it, folder by folder; of datacenters, what `then` says. */
function throughFolders(...then: VimObject<'SelectionSpec'>[]): VimObject<'SelectionSpec'>[] {
  return [
    {
      _type: 'TraversalSpec',
      name: 'folders',
      type: 'Folder',
      path: 'childEntity',
      skip: false,
      selectSet: [{ _type: 'SelectionSpec', name: 'folders' }, ...then],
    },
  ];
}

const throughHostFolders = throughFolders({
  _type: 'TraversalSpec',
  name: 'hostFolders',
  type: 'Datacenter',
  path: 'hostFolder',
  skip: false,
  selectSet: [{ _type: 'SelectionSpec', name: 'folders' }],
});

const throughParents: VimObject<'SelectionSpec'>[] = [
  {
    _type: 'TraversalSpec',
    name: 'parents',
    type: 'ManagedEntity',
    path: 'parent',
    skip: false,
    selectSet: [{ _type: 'SelectionSpec', name: 'parents' }],
  },
];

/** The datacenters. VM folders are not entered: the number of VMs does not matter. */
export async function listDatacenters(vim: VimSession, options: TraversalOptions): Promise<Datacenter[]> {
  const from = { from: vim.serviceContent.rootFolder, selectSet: throughFolders() };
  const datacenters: Datacenter[] = [];
  for await (const { ref, properties } of collectProperties(
    vim,
    from,
    'Datacenter',
    ['name', 'vmFolder', 'datastore'],
    options,
  )) {
    const { name, vmFolder, datastore } = properties;
    datacenters.push({ ref, name, vmFolder, datastores: datastore ?? [] });
  }
  return datacenters;
}

/** The clusters and lone hosts of all datacenters. */
export async function listComputeResources(vim: VimSession, options: TraversalOptions): Promise<ComputeResource[]> {
  const from = { from: vim.serviceContent.rootFolder, selectSet: throughHostFolders };
  const resources: ComputeResource[] = [];
  for await (const { properties } of collectProperties(
    vim,
    from,
    'ComputeResource',
    ['name', 'host', 'resourcePool'],
    options,
  )) {
    resources.push({ name: properties.name, hosts: properties.host ?? [], resourcePool: properties.resourcePool });
  }
  return resources;
}

/**
 * The datacenter an object of the inventory lies in; datastore paths mean nothing without it.
 *
 * @throws VimProtocolError where it lies in none
 */
export async function datacenterOf(vim: VimSession, entity: MoRef, options: AbortableOptions): Promise<MoRef> {
  const from = { from: entity, selectSet: throughParents };
  for await (const { ref } of collectProperties(vim, from, 'Datacenter', ['name'], options)) return ref;
  throw new VimProtocolError(`${entity.value} lies in no datacenter`);
}

/** The VMs in a folder and in those below it, by name. */
export async function* listVirtualMachineNames(
  vim: VimSession,
  folder: MoRef,
  options: AbortableOptions,
): AsyncGenerator<{ readonly ref: MoRef; readonly name: string }, void, void> {
  const from = { from: folder, selectSet: throughFolders() };
  const read = { ...options, maxObjects: 500, onUnreadable: () => undefined };
  for await (const { ref, properties } of collectProperties(vim, from, 'VirtualMachine', ['name'], read)) {
    yield { ref, name: properties.name };
  }
}

/** A datastore's name, free space and mounts. */
export function readDatastores(vim: VimSession, refs: readonly MoRef[], options: AbortableOptions) {
  return readPropertiesOfMany(vim, refs, 'Datastore', ['summary', 'host'], options);
}
