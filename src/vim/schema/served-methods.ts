import type { MethodDefinition } from './methods.js';
import { ovfMethods } from './ovf-methods.js';
import { viewMethods } from './view-methods.js';

/**
 * The methods that this library never calls and its simulator serves: what tests and other clients do to an inventory. Source:
 * as with those it calls.
 */
export const servedMethods = {
  // Service instance and session
  SessionIsActive: {
    on: 'SessionManager',
    params: { sessionID: 'string', userName: 'string' },
    returns: 'boolean',
    idempotent: true,
  },

  // Extensions
  FindExtension: {
    on: 'ExtensionManager',
    params: { extensionKey: 'string' },
    returns: 'Extension?',
    idempotent: true,
  },
  RegisterExtension: { on: 'ExtensionManager', params: { extension: 'Extension' }, idempotent: false },

  // Property collector
  RetrieveProperties: {
    on: 'PropertyCollector',
    params: { specSet: 'PropertyFilterSpec[]' },
    returns: 'ObjectContent[]?',
    idempotent: true,
  },
  DestroyPropertyFilter: { on: 'PropertyFilter', params: {}, idempotent: true },
  CancelWaitForUpdates: { on: 'PropertyCollector', params: {}, idempotent: true },
  WaitForUpdates: {
    on: 'PropertyCollector',
    params: { version: 'string?' },
    returns: 'UpdateSet',
    idempotent: true,
  },

  // Inventory
  FindByUuid: {
    on: 'SearchIndex',
    params: { datacenter: 'ref?', uuid: 'string', vmSearch: 'boolean', instanceUuid: 'boolean?' },
    returns: 'ref?',
    idempotent: true,
  },
  FindByInventoryPath: {
    on: 'SearchIndex',
    params: { inventoryPath: 'string' },
    returns: 'ref?',
    idempotent: true,
  },
  MoveIntoFolder_Task: { on: 'Folder', params: { list: 'ref[]' }, returns: 'ref', idempotent: false },
  Rename_Task: { on: 'ManagedEntity', params: { newName: 'string' }, returns: 'ref', idempotent: false },

  // Virtual machines
  CloneVM_Task: {
    on: 'VirtualMachine',
    params: { folder: 'ref', name: 'string', spec: 'VirtualMachineCloneSpec' },
    returns: 'ref',
    taskResult: 'ref',
    idempotent: false,
  },
  UnregisterVM: { on: 'VirtualMachine', params: {}, idempotent: false },
  PowerOnVM_Task: { on: 'VirtualMachine', params: { host: 'ref?' }, returns: 'ref', idempotent: false },
  PowerOffVM_Task: { on: 'VirtualMachine', params: {}, returns: 'ref', idempotent: false },
  CreateSnapshot_Task: {
    on: 'VirtualMachine',
    params: { name: 'string', description: 'string?', memory: 'boolean', quiesce: 'boolean' },
    returns: 'ref',
    idempotent: false,
  },
  RemoveAllSnapshots_Task: {
    on: 'VirtualMachine',
    params: { consolidate: 'boolean?' },
    returns: 'ref',
    idempotent: false,
  },

  // Disks and files
  CreateVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ref?', spec: 'VirtualDiskSpec' },
    returns: 'ref',
    idempotent: false,
  },
  CopyVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: {
      sourceName: 'string',
      sourceDatacenter: 'ref?',
      destName: 'string',
      destDatacenter: 'ref?',
      destSpec: 'VirtualDiskSpec?',
      force: 'boolean?',
    },
    returns: 'ref',
    idempotent: false,
  },
  MakeDirectory: {
    on: 'FileManager',
    params: { name: 'string', datacenter: 'ref?', createParentDirectories: 'boolean?' },
    idempotent: false,
  },
  DeleteDatastoreFile_Task: {
    on: 'FileManager',
    params: { name: 'string', datacenter: 'ref?' },
    returns: 'ref',
    idempotent: false,
  },
  MoveDatastoreFile_Task: {
    on: 'FileManager',
    params: {
      sourceName: 'string',
      sourceDatacenter: 'ref?',
      destinationName: 'string',
      destinationDatacenter: 'ref?',
      force: 'boolean?',
    },
    returns: 'ref',
    idempotent: false,
  },
  SearchDatastore_Task: {
    on: 'HostDatastoreBrowser',
    params: { datastorePath: 'string', searchSpec: 'HostDatastoreBrowserSearchSpec?' },
    returns: 'ref',
    idempotent: true,
  },
  SearchDatastoreSubFolders_Task: {
    on: 'HostDatastoreBrowser',
    params: { datastorePath: 'string', searchSpec: 'HostDatastoreBrowserSearchSpec?' },
    returns: 'ref',
    idempotent: true,
  },
  ...ovfMethods,
  ...viewMethods,
} as const satisfies Record<string, MethodDefinition>;
