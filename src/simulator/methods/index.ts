import type { MethodName } from '../../vim/schema/index.js';
import type { Caller } from '../caller.js';
import type { ManagedObject } from '../managed-object.js';
import type { World } from '../world.js';
import { datastoreBrowserMethods } from './datastore-browser.js';
import { extensionManagerMethods } from './extension-manager.js';
import { fetchProperty } from './fetch.js';
import { fileManagerMethods } from './file-manager.js';
import { folderMethods } from './folder.js';
import type { Handlers } from './handler.js';
import { httpNfcLeaseMethods } from './http-nfc-lease.js';
import { managedEntityMethods } from './managed-entity.js';
import { ovfManagerMethods } from './ovf-manager.js';
import { propertyCollectorMethods } from './property-collector.js';
import { resourcePoolMethods } from './resource-pool.js';
import { searchIndexMethods } from './search-index.js';
import { serviceInstanceMethods } from './service-instance.js';
import { sessionManagerMethods } from './session-manager.js';
import { storagePolicyMethods } from './storage-policies.js';
import { taskMethods } from './task.js';
import { viewManagerMethods } from './view-manager.js';
import { virtualDiskManagerMethods } from './virtual-disk-manager.js';
import { virtualMachineMethods } from './virtual-machine.js';

/** A handler as the endpoint calls it: the schema has made sure that target and arguments fit. */
export type AnyHandler = (world: World, target: ManagedObject, args: never, caller: Caller) => unknown;

/** What each method does. */
export const handlers: Handlers<MethodName> & { readonly Fetch: AnyHandler } = {
  Fetch: fetchProperty,
  ...serviceInstanceMethods,
  ...sessionManagerMethods,
  ...extensionManagerMethods,
  ...propertyCollectorMethods,
  ...viewManagerMethods,
  ...ovfManagerMethods,
  ...searchIndexMethods,
  ...folderMethods,
  ...managedEntityMethods,
  ...taskMethods,
  ...virtualMachineMethods,
  ...resourcePoolMethods,
  ...httpNfcLeaseMethods,
  ...virtualDiskManagerMethods,
  ...fileManagerMethods,
  ...datastoreBrowserMethods,
  ...storagePolicyMethods,
};
