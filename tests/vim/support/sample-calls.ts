import type { MethodArgs, MethodName, MoRef, VimObject } from '../../../src/vim/schema/index.js';

const ref = (type: string, value: string): MoRef => ({ type, value });
const datacenter = ref('Datacenter', 'datacenter-2');
const datastore = ref('Datastore', 'datastore-11');

const vmProfile = [
  { _type: 'VirtualMachineDefinedProfileSpec', profileId: 'aa6d5a82-1c88-45da-85d3-3d74b91a5bad' },
] as const;

/** Given in no particular order: the codec makes the order. */
export const configSpec: VimObject<'VirtualMachineConfigSpec'> = {
  vmProfile,
  extraConfig: [
    { value: 'a <volume> & "its" \'id\'', key: 'cinder.volume.id' },
    { key: 'number', value: 7 },
    { key: 'long', value: 2 ** 40 },
    { key: 'flag', value: true },
  ],
  deviceChange: [
    {
      device: {
        sharedBus: 'noSharing',
        busNumber: 0,
        key: -100,
        _type: 'ParaVirtualSCSIController',
      },
      operation: 'add',
    },
    {
      profile: vmProfile,
      device: {
        capacityInKB: 2 ** 33,
        unitNumber: 0,
        controllerKey: -100,
        backing: {
          uuid: '6000C295-3f5c-1d4e-8a2b-0123456789ab',
          thinProvisioned: true,
          diskMode: 'persistent',
          eagerlyScrub: false,
          datastore,
          fileName: '[ds 1] a/b.vmdk',
          _type: 'VirtualDiskFlatVer2BackingInfo',
        },
        key: -101,
        _type: 'VirtualDisk',
      },
      fileOperation: 'create',
      operation: 'add',
    },
  ],
  memoryMB: 128,
  numCPUs: 1,
  files: { vmPathName: '[ds 1]' },
  guestId: 'otherGuest',
  instanceUuid: '6f1d3c9e-0000-4000-8000-000000000001',
  version: 'vmx-13',
  name: 'volume-1',
  managedBy: { type: 'volume', extensionKey: 'org.openstack.storage' },
};

const traversal: VimObject<'TraversalSpec'> = {
  _type: 'TraversalSpec',
  selectSet: [{ _type: 'SelectionSpec', name: 'folders' }],
  skip: false,
  path: 'childEntity',
  type: 'Folder',
  name: 'folders',
};

const filter: VimObject<'PropertyFilterSpec'> = {
  reportMissingObjectsInResults: true,
  objectSet: [{ selectSet: [traversal], skip: true, obj: ref('Folder', 'group-d1') }],
  propSet: [{ pathSet: ['name', 'config.hardware.device'], type: 'VirtualMachine', all: false }],
};

const relocateSpec: VimObject<'VirtualMachineRelocateSpec'> = {
  profile: vmProfile,
  disk: [
    {
      diskBackingInfo: {
        _type: 'VirtualDiskFlatVer2BackingInfo',
        diskMode: 'persistent',
        fileName: '',
        thinProvisioned: true,
      },
      diskMoveType: 'moveAllDiskBackingsAndDisallowSharing',
      datastore,
      diskId: 2000,
    },
  ],
  host: ref('HostSystem', 'host-9'),
  pool: ref('ResourcePool', 'resgroup-8'),
  datastore,
};

const disk = { datacenter, name: '[ds 1] a/b.vmdk' };
const move = { force: true, destDatacenter: datacenter, destName: '[ds 1] c.vmdk', sourceDatacenter: datacenter };

/** One call of each method, as full as the table lets it be. */
export const sampleCalls: { readonly [M in MethodName]: MethodArgs<M> } = {
  RetrieveServiceContent: {},
  CurrentTime: {},
  Login: { locale: 'en', password: '<![CDATA[p]]>', userName: 'a&b' },
  Logout: {},
  SessionIsActive: { userName: 'u', sessionID: 's' },
  FindExtension: { extensionKey: 'org.example.storage' },
  RegisterExtension: {
    extension: {
      shownInSolutionManager: false,
      managedEntityInfo: [{ description: 'd', iconUrl: 'i', smallIconUrl: 's', type: 'volume' }],
      lastHeartbeatTime: '2030-01-01T00:00:00Z',
      subjectName: 'n',
      version: '1.0',
      type: 't',
      company: 'c',
      key: 'org.example.storage',
      description: { summary: 's', label: 'l' },
    },
  },
  RetrieveProperties: { specSet: [filter] },
  RetrievePropertiesEx: { options: { maxObjects: 100 }, specSet: [filter] },
  ContinueRetrievePropertiesEx: { token: '1' },
  CancelRetrievePropertiesEx: { token: '1' },
  CreatePropertyCollector: {},
  DestroyPropertyFilter: {},
  CancelWaitForUpdates: {},
  DestroyPropertyCollector: {},
  CreateFilter: { partialUpdates: false, spec: filter },
  WaitForUpdates: { version: '1' },
  WaitForUpdatesEx: { options: { maxObjectUpdates: 10, maxWaitSeconds: 60 }, version: '' },
  FindAllByUuid: { instanceUuid: true, vmSearch: true, uuid: 'u', datacenter },
  FindByUuid: { instanceUuid: true, vmSearch: true, uuid: 'u', datacenter },
  FindByInventoryPath: { inventoryPath: 'dc/vm/volume-1' },
  FindChild: { name: 'volume-1', entity: ref('Folder', 'group-v3') },
  CreateFolder: { name: 'Volumes' },
  MoveIntoFolder_Task: { list: [ref('VirtualMachine', 'vm-1'), ref('VirtualMachine', 'vm-2')] },
  Rename_Task: { newName: '\tvolume\u00e9\u{1f4be}' },
  Destroy_Task: {},
  CancelTask: {},
  CreateVM_Task: { host: ref('HostSystem', 'host-9'), pool: ref('ResourcePool', 'resgroup-8'), config: configSpec },
  ReconfigVM_Task: { spec: configSpec },
  RelocateVM_Task: { priority: 'defaultPriority', spec: relocateSpec },
  CloneVM_Task: {
    spec: { powerOn: false, config: configSpec, template: false, location: relocateSpec },
    name: 'volume-2',
    folder: ref('Folder', 'group-v3'),
  },
  UnregisterVM: {},
  PowerOnVM_Task: { host: ref('HostSystem', 'host-9') },
  PowerOffVM_Task: {},
  CreateSnapshot_Task: { quiesce: false, memory: false, description: 'd', name: 's' },
  RemoveAllSnapshots_Task: { consolidate: true },
  ExportVm: {},
  ImportVApp: {
    host: ref('HostSystem', 'host-9'),
    folder: ref('Folder', 'group-v3'),
    spec: { resPoolEntity: ref('ResourcePool', 'resgroup-8'), configSpec, _type: 'VirtualMachineImportSpec' },
  },
  HttpNfcLeaseProgress: { percent: 99 },
  HttpNfcLeaseSetManifestChecksumType: { deviceUrlsToChecksumTypes: [{ value: 'sha256', key: 'https://*/disk' }] },
  HttpNfcLeaseGetManifest: {},
  HttpNfcLeaseComplete: {},
  HttpNfcLeaseAbort: {
    fault: { localizedMessage: 'cancelled', fault: { _type: 'RequestCanceled' } },
  },
  ExtendVirtualDisk_Task: { eagerZero: false, newCapacityKb: 2 ** 34, ...disk },
  MoveVirtualDisk_Task: { ...move, sourceName: '[ds 1] a.vmdk' },
  DeleteVirtualDisk_Task: disk,
  CreateVirtualDisk_Task: {
    spec: {
      profile: vmProfile,
      capacityKb: 2 ** 20,
      adapterType: 'lsiLogic',
      diskType: 'thin',
      _type: 'FileBackedVirtualDiskSpec',
    },
    ...disk,
  },
  CopyVirtualDisk_Task: {
    ...move,
    destSpec: { adapterType: 'lsiLogic', diskType: 'thin', _type: 'VirtualDiskSpec' },
    sourceName: '[ds 1] a.vmdk',
  },
  QueryVirtualDiskUuid: disk,
  SetVirtualDiskUuid: { uuid: '60 00 C2 95', ...disk },
  MakeDirectory: { createParentDirectories: true, ...disk },
  DeleteDatastoreFile_Task: disk,
  MoveDatastoreFile_Task: {
    force: false,
    destinationDatacenter: datacenter,
    destinationName: '[ds 1] b',
    sourceDatacenter: datacenter,
    sourceName: '[ds 1] a',
  },
  SearchDatastore_Task: {
    searchSpec: {
      sortFoldersFirst: true,
      matchPattern: ['*.vmdk'],
      searchCaseInsensitive: false,
      details: { fileOwner: false, modification: true, fileSize: true, fileType: false },
      query: [{}],
    },
    datastorePath: '[ds 1] a',
  },
  SearchDatastoreSubFolders_Task: { searchSpec: { matchPattern: ['*.vmdk'] }, datastorePath: '[ds 1] a' },
  CreateContainerView: { recursive: true, type: ['VirtualMachine'], container: ref('Folder', 'group-d1') },
  DestroyView: {},
  CreateImportSpec: {
    cisp: {
      diskProvisioning: 'thin',
      propertyMapping: [{ value: 'v', key: 'k' }],
      networkMapping: [{ network: ref('Network', 'network-1'), name: 'VM Network' }],
      entityName: 'volume-1',
      deploymentOption: '',
      locale: 'en',
    },
    datastore,
    resourcePool: ref('ResourcePool', 'resgroup-8'),
    ovfDescriptor: '<Envelope/>',
  },
  CreateDescriptor: {
    cdp: {
      includeImageFiles: false,
      name: 'volume-1',
      ovfFiles: [{ size: 1, path: 'disk-0.vmdk', deviceId: '/vm-1/VirtualLsiLogicController0:0' }],
    },
    obj: ref('VirtualMachine', 'vm-1'),
  },

  PbmRetrieveServiceContent: {},
  PbmQueryProfile: { profileCategory: 'REQUIREMENT', resourceType: { resourceType: 'STORAGE' } },
  PbmRetrieveContent: { profileIds: [{ uniqueId: 'p-1' }] },
  PbmQueryAssociatedProfiles: { entities: [{ serverUuid: 's', key: 'vm-1:2000', objectType: 'virtualDiskId' }] },
  PbmQueryMatchingHub: { profile: { uniqueId: 'p-1' }, hubsToSearch: [{ hubId: 'datastore-1', hubType: 'Datastore' }] },
};
