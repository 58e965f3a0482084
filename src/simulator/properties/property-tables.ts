import { extensionManagerProperties } from '../extension-manager.js';
import { computeResourceProperties } from '../inventory/compute-resource.js';
import { datacenterProperties } from '../inventory/datacenter.js';
import { datastoreBrowserProperties, datastoreProperties } from '../inventory/datastore.js';
import { folderProperties } from '../inventory/folder.js';
import { hostSystemProperties } from '../inventory/host-system.js';
import { managedEntityProperties } from '../inventory/managed-entity.js';
import { networkProperties } from '../inventory/network.js';
import { resourcePoolProperties } from '../inventory/resource-pool.js';
import { snapshotProperties } from '../inventory/snapshot.js';
import { virtualMachineProperties } from '../inventory/virtual-machine.js';
import type { ManagedObject, PropertyDefinition, PropertyTable } from '../managed-object.js';
import type { ManagedTypeName } from '../managed-types.js';
import { serviceInstanceProperties, sessionManagerProperties, taskManagerProperties } from '../managers.js';
import { leaseProperties } from '../nfc/lease.js';
import { taskProperties } from '../task.js';
import { containerViewProperties } from '../views/container-view.js';

/** The tables' entries as they are used: the object handed to `get` is always of the table's own type. */
type AnyTable = Readonly<Record<string, PropertyDefinition<ManagedObject>>>;

function table<T extends ManagedObject>(properties: PropertyTable<T>): AnyTable {
  return properties as unknown as AnyTable;
}

const none: AnyTable = {};

const tables: Readonly<Record<ManagedTypeName, AnyTable>> = {
  ManagedObject: none,
  ManagedEntity: table(managedEntityProperties),
  Folder: table(folderProperties),
  StoragePod: table(folderProperties),
  Datacenter: table(datacenterProperties),
  ComputeResource: table(computeResourceProperties),
  ClusterComputeResource: table(computeResourceProperties),
  HostSystem: table(hostSystemProperties),
  ResourcePool: table(resourcePoolProperties),
  VirtualApp: table(resourcePoolProperties),
  Datastore: table(datastoreProperties),
  Network: table(networkProperties),
  OpaqueNetwork: table(networkProperties),
  DistributedVirtualPortgroup: table(networkProperties),
  DistributedVirtualSwitch: table(managedEntityProperties),
  VmwareDistributedVirtualSwitch: table(managedEntityProperties),
  VirtualMachine: table(virtualMachineProperties),
  VirtualMachineSnapshot: table(snapshotProperties),
  HttpNfcLease: table(leaseProperties),
  HostDatastoreBrowser: table(datastoreBrowserProperties),
  ServiceInstance: table(serviceInstanceProperties),
  SessionManager: table(sessionManagerProperties),
  PropertyCollector: none,
  PropertyFilter: none,
  TaskManager: table(taskManagerProperties),
  ExtensionManager: table(extensionManagerProperties),
  Task: table(taskProperties),
  SearchIndex: none,
  ViewManager: none,
  View: none,
  ManagedObjectView: none,
  ContainerView: table(containerViewProperties),
  OvfManager: none,
  FileManager: none,
  VirtualDiskManager: none,
  PbmServiceInstance: none,
  PbmProfileProfileManager: none,
  PbmPlacementSolver: none,
};

/** The properties of a managed object type, those it inherits included. */
export function propertiesOf(type: ManagedTypeName): AnyTable {
  return tables[type];
}
