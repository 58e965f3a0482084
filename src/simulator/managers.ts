import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { Clock } from './clock.js';
import { ExtensionManager } from './extension-manager.js';
import { ManagedObject, Manager, type PropertyTable } from './managed-object.js';
import type { SimulatorMode } from './options.js';
import type { Registry } from './registry.js';
import type { Task } from './task.js';

/** The root of the API. */
export class ServiceInstance extends ManagedObject {
  readonly content: VimObject<'ServiceContent'>;
  readonly clock: Clock;

  constructor(content: VimObject<'ServiceContent'>, clock: Clock) {
    super('ServiceInstance', 'ServiceInstance');
    this.content = content;
    this.clock = clock;
  }
}

/** Knows the tasks there are. */
export class TaskManager extends ManagedObject {
  recentTasks: () => readonly Task[] = () => [];

  constructor(id: string) {
    super('TaskManager', id);
  }
}

/** The objects of which there is one. */
export interface Managers {
  readonly serviceInstance: ServiceInstance;
  readonly taskManager: TaskManager;
}

/** Makes the managers, with the ids the product gives them. */
export function createManagers(
  registry: Registry,
  {
    mode,
    rootFolder,
    instanceUuid,
    clock,
  }: {
    readonly mode: SimulatorMode;
    readonly rootFolder: MoRef;
    readonly instanceUuid: string;
    readonly clock: Clock;
  },
): Managers {
  const esxi = mode === 'esxi';
  const taskManager = registry.add(new TaskManager(esxi ? 'ha-taskmgr' : 'TaskManager'));
  const manager = (
    type:
      | 'PropertyCollector'
      | 'SessionManager'
      | 'SearchIndex'
      | 'FileManager'
      | 'VirtualDiskManager'
      | 'ViewManager'
      | 'OvfManager',
    id: string,
  ) => registry.add(new Manager(type, id)).ref;
  const content: VimObject<'ServiceContent'> = {
    rootFolder,
    propertyCollector: manager('PropertyCollector', esxi ? 'ha-property-collector' : 'propertyCollector'),
    viewManager: manager('ViewManager', 'ViewManager'),
    about: about(esxi, instanceUuid),
    sessionManager: manager('SessionManager', esxi ? 'ha-sessionmgr' : 'SessionManager'),
    taskManager: taskManager.ref,
    // An ESXi has none.
    ...(esxi ? {} : { extensionManager: registry.add(new ExtensionManager()).ref }),
    searchIndex: manager('SearchIndex', esxi ? 'ha-searchindex' : 'SearchIndex'),
    fileManager: manager('FileManager', esxi ? 'ha-nfc-file-manager' : 'FileManager'),
    virtualDiskManager: manager('VirtualDiskManager', esxi ? 'ha-vdiskmanager' : 'virtualDiskManager'),
    ovfManager: manager('OvfManager', esxi ? 'ha-ovf-manager' : 'OvfManager'),
  };
  return { taskManager, serviceInstance: registry.add(new ServiceInstance(content, clock)) };
}

function about(esxi: boolean, instanceUuid: string): VimObject<'AboutInfo'> {
  const product = esxi ? 'VMware ESXi' : 'VMware vCenter Server';
  return {
    name: product,
    fullName: `${product} 8.0.0 build-0 (vmdk-driver simulator)`,
    vendor: 'VMware, Inc.',
    version: '8.0.0',
    patchLevel: '00000',
    build: '0',
    localeVersion: 'INTL',
    localeBuild: '000',
    osType: esxi ? 'vmnix-x86' : 'linux-x64',
    productLineId: esxi ? 'embeddedEsx' : 'vpx',
    apiType: esxi ? 'HostAgent' : 'VirtualCenter',
    apiVersion: '8.0.0.0',
    // Only a vCenter has one: this is how clients that do not look at apiType tell it.
    ...(esxi ? {} : { instanceUuid }),
    licenseProductName: esxi ? 'VMware ESX Server' : 'VMware VirtualCenter Server',
    licenseProductVersion: '8.0',
  };
}

export const serviceInstanceProperties: PropertyTable<ServiceInstance> = {
  content: { spec: 'ServiceContent', get: ({ content }) => content },
  serverClock: { spec: 'dateTime', get: ({ clock }) => clock.timestamp() },
};

export const sessionManagerProperties: PropertyTable<Manager> = {
  currentSession: { spec: 'UserSession?', get: (_manager, viewer) => viewer.describe() },
};

export const taskManagerProperties: PropertyTable<TaskManager> = {
  recentTask: { spec: 'ref[]?', get: ({ recentTasks }) => recentTasks().map(({ ref }) => ref) },
};
