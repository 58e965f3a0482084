import type { Clock } from '../clock.js';
import type { ClusterOptions, DatacenterOptions, DatastoreOptions, MountOptions, Settings } from '../options.js';
import type { Registry } from '../registry.js';
import { ComputeResource } from './compute-resource.js';
import { Datacenter } from './datacenter.js';
import { Datastore } from './datastore.js';
import { entityName } from './entity-name.js';
import { Folder } from './folder.js';
import { HostSystem } from './host-system.js';
import { Network } from './network.js';

/** The capacity of a datastore about which nothing was said. */
const DEFAULT_CAPACITY = 10 * 2 ** 40;

/** Puts the inventory the settings describe into the registry, and returns its root. */
export function buildInventory(registry: Registry, clock: Clock, settings: Settings): Folder {
  const ids = settings.mode === 'esxi' ? esxiIds(registry) : vcenterIds(registry);
  const root = registry.add(new Folder(ids.root, ids.rootName, undefined, ['Folder', 'Datacenter']));
  for (const options of settings.datacenters) addDatacenter({ registry, clock }, ids, root, options);
  return root;
}

/** What new objects are made with. */
interface Site {
  readonly registry: Registry;
  readonly clock: Clock;
}

/** How a product names its objects. */
interface Ids {
  readonly root: string;
  readonly rootName: string;
  readonly computeType: 'ClusterComputeResource' | 'ComputeResource';
  datacenter(): string;
  folder(kind: 'v' | 'h' | 's' | 'n'): string;
  compute(): string;
  pool(): string;
  host(): string;
  datastore(): string;
  network(): string;
}

function vcenterIds(registry: Registry): Ids {
  const next = (prefix: string) => `${prefix}${registry.nextNumber('entity', 2)}`;
  return {
    root: 'group-d1',
    rootName: 'Datacenters',
    computeType: 'ClusterComputeResource',
    datacenter: () => next('datacenter-'),
    folder: (kind) => next(`group-${kind}`),
    compute: () => next('domain-c'),
    pool: () => next('resgroup-'),
    host: () => next('host-'),
    datastore: () => next('datastore-'),
    network: () => next('network-'),
  };
}

function esxiIds(registry: Registry): Ids {
  const folders = { v: 'vm', h: 'host', s: 'datastore', n: 'network' } as const;
  return {
    root: 'ha-folder-root',
    rootName: 'ha-folder-root',
    computeType: 'ComputeResource',
    datacenter: () => 'ha-datacenter',
    folder: (kind) => `ha-folder-${folders[kind]}`,
    compute: () => 'ha-compute-res',
    pool: () => 'ha-root-pool',
    host: () => 'ha-host',
    datastore: () => {
      const number = registry.nextNumber('entity').toString(16);
      return `5f${number.padStart(6, '0')}-00000000-0000-000000000000`;
    },
    network: () => 'HaNetwork-VM Network',
  };
}

function addDatacenter(site: Site, ids: Ids, root: Folder, options: DatacenterOptions): void {
  const { registry } = site;
  const folders = { vm: ids.folder('v'), host: ids.folder('h'), datastore: ids.folder('s'), network: ids.folder('n') };
  const datacenter = registry.add(new Datacenter(ids.datacenter(), entityName(options.name), root, folders));
  root.adopt(datacenter);
  for (const folder of datacenter.folders) registry.add(folder);
  for (const cluster of options.clusters) addCluster(registry, ids, datacenter, cluster);
  for (const datastore of options.datastores) addDatastore(site, ids.datastore(), datacenter, datastore);
  const network = registry.add(new Network(ids.network(), 'VM Network', datacenter.networkFolder));
  datacenter.networkFolder.adopt(network);
  datacenter.networks.push(network);
}

function addCluster(registry: Registry, ids: Ids, { hostFolder }: Datacenter, { name, hosts }: ClusterOptions): void {
  const cluster = new ComputeResource(ids.computeType, ids.compute(), entityName(name), hostFolder, ids.pool());
  registry.add(cluster);
  registry.add(cluster.resourcePool);
  hostFolder.adopt(cluster);
  for (const { name: hostName, connectionState = 'connected', inMaintenanceMode = false } of hosts) {
    const host = new HostSystem(ids.host(), hostName, cluster, connectionState, inMaintenanceMode);
    cluster.hosts.push(registry.add(host));
  }
}

/** Adds a datastore to a datacenter whose hosts are there already. */
export function addDatastore(
  { registry, clock }: Site,
  id: string,
  datacenter: Datacenter,
  options: DatastoreOptions,
): Datastore {
  const capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY;
  const datastore = new Datastore(id, options.name, {
    clock,
    datacenter,
    kind: options.type ?? 'VMFS',
    provisioning: options.provisioning,
    capacityBytes,
    freeBytes: options.freeBytes ?? capacityBytes,
    accessible: options.accessible ?? true,
    maintenanceMode: options.maintenanceMode ?? 'normal',
    layout: options.layout ?? true,
  });
  datacenter.datastoreFolder.adopt(datastore);
  datacenter.datastores.push(datastore);
  registry.add(datastore);
  registry.add(datastore.browser);

  const hosts = registry.all(HostSystem).filter((host) => host.ancestor(Datacenter) === datacenter);
  const mounts: readonly MountOptions[] = options.mounts ?? hosts.map(({ name }) => ({ host: name }));
  for (const { host: name, accessMode = 'readWrite', mounted, accessible = true } of mounts) {
    const host = hosts.find((entry) => entry.name === name);
    if (host === undefined)
      throw new Error(`datastore ${options.name}: there is no host ${name} in ${datacenter.name}`);
    datastore.mounts.push({ host, accessMode, mounted, accessible });
    host.datastores.push(datastore);
  }
  return datastore;
}
