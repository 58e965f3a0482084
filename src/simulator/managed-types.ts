/**
 * The managed object types a client may name, each with the type it extends. Of some the simulator has no object; clients
 * name them in their usual traversals all the same.
 */
const bases = {
  ManagedObject: undefined,
  ManagedEntity: 'ManagedObject',
  Folder: 'ManagedEntity',
  StoragePod: 'Folder',
  Datacenter: 'ManagedEntity',
  ComputeResource: 'ManagedEntity',
  ClusterComputeResource: 'ComputeResource',
  HostSystem: 'ManagedEntity',
  ResourcePool: 'ManagedEntity',
  VirtualApp: 'ResourcePool',
  Datastore: 'ManagedEntity',
  Network: 'ManagedEntity',
  OpaqueNetwork: 'Network',
  DistributedVirtualPortgroup: 'Network',
  DistributedVirtualSwitch: 'ManagedEntity',
  VmwareDistributedVirtualSwitch: 'DistributedVirtualSwitch',
  VirtualMachine: 'ManagedEntity',
  VirtualMachineSnapshot: 'ManagedObject',
  HttpNfcLease: 'ManagedObject',
  HostDatastoreBrowser: 'ManagedObject',
  ServiceInstance: 'ManagedObject',
  SessionManager: 'ManagedObject',
  PropertyCollector: 'ManagedObject',
  PropertyFilter: 'ManagedObject',
  TaskManager: 'ManagedObject',
  ExtensionManager: 'ManagedObject',
  Task: 'ManagedObject',
  SearchIndex: 'ManagedObject',
  ViewManager: 'ManagedObject',
  View: 'ManagedObject',
  ManagedObjectView: 'View',
  ContainerView: 'ManagedObjectView',
  OvfManager: 'ManagedObject',
  FileManager: 'ManagedObject',
  VirtualDiskManager: 'ManagedObject',
  PbmServiceInstance: 'ManagedObject',
  PbmProfileProfileManager: 'ManagedObject',
  PbmPlacementSolver: 'ManagedObject',
} as const satisfies Record<string, string | undefined>;

/** The name of a managed object type. */
export type ManagedTypeName = keyof typeof bases;

/** Whether there is a managed object type of this name. */
export function isManagedType(name: string): name is ManagedTypeName {
  return Object.hasOwn(bases, name);
}

/** Whether a managed object type is another one or extends it. */
export function isA(type: ManagedTypeName, base: string): boolean {
  for (let name: ManagedTypeName | undefined = type; name !== undefined; name = bases[name]) {
    if (name === base) return true;
  }
  return false;
}
