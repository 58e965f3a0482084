import { pbmMethods } from './pbm-methods.js';
import { servedMethods } from './served-methods.js';
import type { ServiceName } from './services.js';
import type { TypeSpec } from './type-spec.js';

/** One method of the subset. */
export interface MethodDefinition {
  /** The service it is of; vim25 where absent. */
  readonly service?: Exclude<ServiceName, 'vim25'>;
  /** The managed object type it is called on. */
  readonly on: string;
  /** Its parameters after `_this`, **in schema order**. */
  readonly params: Readonly<Record<string, TypeSpec>>;
  /** What it returns; absent for methods that return nothing. */
  readonly returns?: TypeSpec;
  /** What the task it starts results in; absent where that is nothing. */
  readonly taskResult?: TypeSpec;
  /**
   * Whether sending it a second time, after its reply was lost, leaves the server as once would have. Where it is
   * `false` a session must not repeat it by itself: its caller looks at the server's state first.
   */
  readonly idempotent: boolean;
}

/**
 * The vim25 methods this library calls. Source: vSphere Web Services API reference, API 6.7; those of the storage policy
 * service are in a file of their own.
 */
const clientMethods = {
  // Service instance and session
  RetrieveServiceContent: { on: 'ServiceInstance', params: {}, returns: 'ServiceContent', idempotent: true },
  CurrentTime: { on: 'ServiceInstance', params: {}, returns: 'dateTime', idempotent: true },
  Login: {
    on: 'SessionManager',
    params: { userName: 'string', password: 'string', locale: 'string?' },
    returns: 'UserSession',
    idempotent: false,
  },
  Logout: { on: 'SessionManager', params: {}, idempotent: true },

  // Property collector
  RetrievePropertiesEx: {
    on: 'PropertyCollector',
    params: { specSet: 'PropertyFilterSpec[]', options: 'RetrieveOptions' },
    returns: 'RetrieveResult?',
    idempotent: true,
  },
  ContinueRetrievePropertiesEx: {
    on: 'PropertyCollector',
    params: { token: 'string' },
    returns: 'RetrieveResult',
    idempotent: false,
  },
  CancelRetrievePropertiesEx: { on: 'PropertyCollector', params: { token: 'string' }, idempotent: true },
  CreatePropertyCollector: { on: 'PropertyCollector', params: {}, returns: 'ref', idempotent: true },
  DestroyPropertyCollector: { on: 'PropertyCollector', params: {}, idempotent: true },
  CreateFilter: {
    on: 'PropertyCollector',
    params: { spec: 'PropertyFilterSpec', partialUpdates: 'boolean' },
    returns: 'ref',
    idempotent: true,
  },
  WaitForUpdatesEx: {
    on: 'PropertyCollector',
    params: { version: 'string?', options: 'WaitOptions?' },
    returns: 'UpdateSet?',
    idempotent: true,
  },

  // Inventory
  FindAllByUuid: {
    on: 'SearchIndex',
    params: { datacenter: 'ref?', uuid: 'string', vmSearch: 'boolean', instanceUuid: 'boolean?' },
    returns: 'ref[]?',
    idempotent: true,
  },
  FindChild: {
    on: 'SearchIndex',
    params: { entity: 'ref', name: 'string' },
    returns: 'ref?',
    idempotent: true,
  },
  CreateFolder: { on: 'Folder', params: { name: 'string' }, returns: 'ref', idempotent: false },
  Destroy_Task: { on: 'ManagedEntity', params: {}, returns: 'ref', idempotent: false },
  CancelTask: { on: 'Task', params: {}, idempotent: true },

  // Virtual machines
  CreateVM_Task: {
    on: 'Folder',
    params: { config: 'VirtualMachineConfigSpec', pool: 'ref', host: 'ref?' },
    returns: 'ref',
    taskResult: 'ref',
    idempotent: false,
  },
  ReconfigVM_Task: {
    on: 'VirtualMachine',
    params: { spec: 'VirtualMachineConfigSpec' },
    returns: 'ref',
    idempotent: false,
  },
  RelocateVM_Task: {
    on: 'VirtualMachine',
    params: { spec: 'VirtualMachineRelocateSpec', priority: 'string?' },
    returns: 'ref',
    idempotent: false,
  },
  ExportVm: { on: 'VirtualMachine', params: {}, returns: 'ref', idempotent: false },
  ImportVApp: {
    on: 'ResourcePool',
    params: { spec: 'ImportSpec', folder: 'ref?', host: 'ref?' },
    returns: 'ref',
    idempotent: false,
  },

  // NFC leases
  HttpNfcLeaseProgress: { on: 'HttpNfcLease', params: { percent: 'int' }, idempotent: true },
  HttpNfcLeaseSetManifestChecksumType: {
    on: 'HttpNfcLease',
    params: { deviceUrlsToChecksumTypes: 'KeyValue[]?' },
    idempotent: true,
  },
  HttpNfcLeaseGetManifest: {
    on: 'HttpNfcLease',
    params: {},
    returns: 'HttpNfcLeaseManifestEntry[]?',
    idempotent: true,
  },
  HttpNfcLeaseComplete: { on: 'HttpNfcLease', params: {}, idempotent: false },
  HttpNfcLeaseAbort: { on: 'HttpNfcLease', params: { fault: 'LocalizedMethodFault?' }, idempotent: true },

  // Disks and files
  ExtendVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ref?', newCapacityKb: 'long', eagerZero: 'boolean?' },
    returns: 'ref',
    idempotent: false,
  },
  MoveVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: {
      sourceName: 'string',
      sourceDatacenter: 'ref?',
      destName: 'string',
      destDatacenter: 'ref?',
      force: 'boolean?',
    },
    returns: 'ref',
    idempotent: false,
  },
  DeleteVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ref?' },
    returns: 'ref',
    idempotent: false,
  },
  QueryVirtualDiskUuid: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ref?' },
    returns: 'string',
    idempotent: true,
  },
  SetVirtualDiskUuid: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ref?', uuid: 'string' },
    idempotent: true,
  },
} as const satisfies Record<string, MethodDefinition>;

/** Every method of the subset: those this library calls, and those that only the simulator's other clients do. */
export const methods = {
  ...clientMethods,
  ...pbmMethods,
  ...servedMethods,
} as const satisfies Record<string, MethodDefinition>;

/** The name of a method of the subset. */
export type MethodName = keyof typeof methods;
