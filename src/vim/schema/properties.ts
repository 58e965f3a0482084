import type { TypeSpec } from './type-spec.js';

/**
 * The properties of managed objects this library reads, by managed object type and property path. Source: vSphere Web
 * Services API reference, managed object types. A trailing `?` marks one that the server leaves out when unset.
 */
export const properties = {
  ComputeResource: { name: 'string', host: 'ref[]?', resourcePool: 'ref?' },
  Datacenter: { name: 'string', parent: 'ref?', vmFolder: 'ref', hostFolder: 'ref', datastore: 'ref[]?' },
  Datastore: {
    name: 'string',
    parent: 'ref?',
    summary: 'DatastoreSummary',
    'summary.url': 'string?',
    host: 'DatastoreHostMount[]?',
    browser: 'ref',
    vm: 'ref[]?',
  },
  Folder: { name: 'string', parent: 'ref?', childEntity: 'ref[]?', recentTask: 'ref[]?' },
  HostSystem: { name: 'string', parent: 'ref?', runtime: 'HostRuntimeInfo', datastore: 'ref[]?' },
  HttpNfcLease: { state: 'string', info: 'HttpNfcLeaseInfo?', error: 'LocalizedMethodFault?' },
  ManagedEntity: { name: 'string', parent: 'ref?', recentTask: 'ref[]?' },
  ResourcePool: { name: 'string', owner: 'ref', parent: 'ref?' },
  SessionManager: { currentSession: 'UserSession?' },
  Task: {
    info: 'TaskInfo',
    'info.state': 'string',
    'info.error': 'LocalizedMethodFault?',
    'info.result': 'any?',
    'info.descriptionId': 'string',
    'info.queueTime': 'dateTime',
    'info.reason': 'TaskReason?',
  },
  TaskManager: { recentTask: 'ref[]?' },
  VirtualMachine: {
    name: 'string',
    parent: 'ref?',
    resourcePool: 'ref?',
    datastore: 'ref[]?',
    recentTask: 'ref[]?',
    snapshot: 'VirtualMachineSnapshotInfo?',
    'snapshot.currentSnapshot': 'ref?',
    layout: 'VirtualMachineFileLayout?',
    'layout.disk': 'VirtualMachineFileLayoutDiskLayout[]?',
    'layout.snapshot': 'VirtualMachineFileLayoutSnapshotLayout[]?',
    'runtime.host': 'ref?',
    'runtime.powerState': 'string',
    'runtime.connectionState': 'string',
    'summary.config.numVirtualDisks': 'int?',
    'summary.storage': 'VirtualMachineStorageSummary?',
    'config.changeVersion': 'string?',
    'config.instanceUuid': 'string?',
    'config.uuid': 'string?',
    'config.version': 'string?',
    'config.files.vmPathName': 'string?',
    'config.files.snapshotDirectory': 'string?',
    'config.managedBy': 'ManagedByInfo?',
    'config.extraConfig': 'OptionValue[]?',
    'config.hardware.device': 'VirtualDevice[]?',
  },
  VirtualMachineSnapshot: { 'config.hardware.device': 'VirtualDevice[]?' },
} as const satisfies Record<string, Record<string, TypeSpec>>;

/** A managed object type whose properties the library reads. */
export type ManagedType = keyof typeof properties;
