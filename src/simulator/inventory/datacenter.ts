import type { PropertyTable } from '../managed-object.js';
import type { Datastore } from './datastore.js';
import { Folder } from './folder.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import type { Network } from './network.js';

/** The ids of a datacenter's folders. */
export interface DatacenterFolderIds {
  readonly vm: string;
  readonly host: string;
  readonly datastore: string;
  readonly network: string;
}

/** A datacenter. */
export class Datacenter extends ManagedEntity {
  readonly vmFolder: Folder;
  readonly hostFolder: Folder;
  readonly datastoreFolder: Folder;
  readonly networkFolder: Folder;
  readonly datastores: Datastore[] = [];
  readonly networks: Network[] = [];

  constructor(id: string, name: string, parent: Folder, folders: DatacenterFolderIds) {
    super('Datacenter', id, name, parent);
    this.vmFolder = new Folder(folders.vm, 'vm', this, ['Folder', 'VirtualMachine']);
    this.hostFolder = new Folder(folders.host, 'host', this, ['Folder', 'ComputeResource']);
    this.datastoreFolder = new Folder(folders.datastore, 'datastore', this, ['Folder', 'Datastore']);
    this.networkFolder = new Folder(folders.network, 'network', this, ['Folder', 'Network']);
  }

  get folders(): readonly Folder[] {
    return [this.vmFolder, this.hostFolder, this.datastoreFolder, this.networkFolder];
  }
}

export const datacenterProperties: PropertyTable<Datacenter> = {
  ...managedEntityProperties,
  vmFolder: { spec: 'ref', get: ({ vmFolder }) => vmFolder.ref },
  hostFolder: { spec: 'ref', get: ({ hostFolder }) => hostFolder.ref },
  datastoreFolder: { spec: 'ref', get: ({ datastoreFolder }) => datastoreFolder.ref },
  networkFolder: { spec: 'ref', get: ({ networkFolder }) => networkFolder.ref },
  datastore: { spec: 'ref[]?', get: ({ datastores }) => datastores.map(({ ref }) => ref) },
  network: { spec: 'ref[]?', get: ({ networks }) => networks.map(({ ref }) => ref) },
};
