import type { VimObject } from '../../vim/schema/index.js';
import type { Clock } from '../clock.js';
import { ManagedObject, type PropertyTable } from '../managed-object.js';
import { DatastoreFiles } from '../storage/datastore-files.js';
import { formatDatastorePath } from '../storage/datastore-path.js';
import type { Provisioning } from '../storage/disk-file.js';
import type { Datacenter } from './datacenter.js';
import type { HostSystem } from './host-system.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import type { VirtualMachine } from './virtual-machine.js';

/** How a host has mounted a datastore. */
export interface HostMount {
  readonly host: HostSystem;
  readonly accessMode: 'readWrite' | 'readOnly';
  readonly mounted: boolean | undefined;
  readonly accessible: boolean;
}

/** What a new datastore is like. */
export interface DatastoreInit {
  readonly clock: Clock;
  readonly datacenter: Datacenter;
  readonly kind: string;
  readonly provisioning: Provisioning | undefined;
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly accessible: boolean;
  readonly maintenanceMode: string;
  readonly layout: boolean;
}

/** A datastore with its files. */
export class Datastore extends ManagedEntity {
  readonly datacenter: Datacenter;
  /** `VMFS`, `NFS`, `vsan`, … */
  readonly kind: string;
  readonly files: DatastoreFiles;
  readonly browser: DatastoreBrowser;
  readonly mounts: HostMount[] = [];
  readonly vms = new Set<VirtualMachine>();
  accessible: boolean;
  maintenanceMode: string;
  /** Whether VMs whose home it is have a `layout`. */
  layout: boolean;

  constructor(id: string, name: string, init: DatastoreInit) {
    super('Datastore', id, name, init.datacenter.datastoreFolder);
    this.datacenter = init.datacenter;
    this.kind = init.kind;
    this.files = new DatastoreFiles(
      this,
      init.clock,
      init.capacityBytes,
      init.capacityBytes - init.freeBytes,
      init.provisioning,
    );
    this.browser = new DatastoreBrowser(`datastoreBrowser-${id}`, this);
    this.accessible = init.accessible;
    this.maintenanceMode = init.maintenanceMode;
    this.layout = init.layout;
  }

  /** The full path of a place in it. */
  pathTo(path: string): string {
    return formatDatastorePath({ datastore: this.name, path });
  }

  /** The full path of a place in it as its hosts have it: what a server shows that cannot name it. */
  hostPathTo(path: string): string {
    return `[] /vmfs/volumes/${this.id}/${path}`;
  }
}

/** A datastore's `browser`. */
export class DatastoreBrowser extends ManagedObject {
  readonly datastore: Datastore;

  constructor(id: string, datastore: Datastore) {
    super('HostDatastoreBrowser', id);
    this.datastore = datastore;
  }
}

function summary(datastore: Datastore): VimObject<'DatastoreSummary'> {
  const { files, accessible } = datastore;
  return {
    datastore: datastore.ref,
    name: datastore.name,
    url: `ds:///vmfs/volumes/${datastore.id}/`,
    // An inaccessible datastore's numbers are the last known ones or zero; zero is what callers trip over.
    capacity: accessible ? files.capacityBytes : 0,
    freeSpace: accessible ? files.freeBytes : 0,
    uncommitted: 0,
    accessible,
    multipleHostAccess: datastore.mounts.length > 1,
    type: datastore.kind,
    maintenanceMode: datastore.maintenanceMode,
  };
}

function mounts(datastore: Datastore): VimObject<'DatastoreHostMount'>[] {
  const present = datastore.mounts.filter(({ host }) => host.compute.hosts.includes(host));
  return present.map(({ host, accessMode, mounted, accessible }) => ({
    key: host.ref,
    mountInfo: {
      path: `/vmfs/volumes/${datastore.id}`,
      accessMode,
      ...(mounted === undefined ? {} : { mounted }),
      accessible: accessible && datastore.accessible,
    },
  }));
}

export const datastoreProperties: PropertyTable<Datastore> = {
  ...managedEntityProperties,
  summary: { spec: 'DatastoreSummary', get: summary },
  host: { spec: 'DatastoreHostMount[]?', get: mounts },
  browser: { spec: 'ref', get: ({ browser }) => browser.ref },
  vm: { spec: 'ref[]?', get: ({ vms }) => [...vms].filter(({ access }) => access !== 'hidden').map(({ ref }) => ref) },
};

export const datastoreBrowserProperties: PropertyTable<DatastoreBrowser> = {
  datastore: { spec: 'ref[]?', get: ({ datastore }) => [datastore.ref] },
};
