import { ovfObjectTypes } from './ovf-object-types.js';
import { pbmObjectTypes } from './pbm-object-types.js';
import type { TypeSpec } from './type-spec.js';

/** One data object type of the vim25 subset. */
export interface ObjectTypeDefinition {
  /** The type it extends; the base's elements come first on the wire. */
  readonly base?: string;
  /** Whether a value must name a subtype by `xsi:type`. */
  readonly abstract?: boolean;
  /** Its own elements, **in schema order**: a vim25 server reads them in no other. */
  readonly fields: Readonly<Record<string, TypeSpec>>;
}

/**
 * The vim25 data object types this library sends or reads, each with the elements it uses.
 *
 * This table and {@link methods} are the one place that fixes element order, `xsi:type` and the types of values, for
 * the client, for the TypeScript types of its callers, and for the simulator. Elements of a reply that are not named
 * here are passed over. Source: vSphere Web Services API reference, data object types, API 6.7 (8.0 for the elements
 * added since).
 */
export const objectTypes = {
  // Service instance and session
  AboutInfo: {
    fields: {
      name: 'string',
      fullName: 'string',
      vendor: 'string',
      version: 'string',
      patchLevel: 'string?',
      build: 'string',
      localeVersion: 'string?',
      localeBuild: 'string?',
      osType: 'string',
      productLineId: 'string',
      apiType: 'string',
      apiVersion: 'string',
      instanceUuid: 'string?',
      licenseProductName: 'string?',
      licenseProductVersion: 'string?',
    },
  },
  ServiceContent: {
    fields: {
      rootFolder: 'ref',
      propertyCollector: 'ref',
      viewManager: 'ref?',
      about: 'AboutInfo',
      sessionManager: 'ref?',
      taskManager: 'ref?',
      extensionManager: 'ref?',
      searchIndex: 'ref?',
      fileManager: 'ref?',
      virtualDiskManager: 'ref?',
      ovfManager: 'ref?',
    },
  },
  UserSession: {
    fields: {
      key: 'string',
      userName: 'string',
      fullName: 'string',
      loginTime: 'dateTime',
      lastActiveTime: 'dateTime',
      locale: 'string',
      messageLocale: 'string',
      extensionSession: 'boolean?',
      ipAddress: 'string?',
      userAgent: 'string?',
      callCount: 'long?',
    },
  },

  // Extensions
  Description: { fields: { label: 'string', summary: 'string' } },
  ExtManagedEntityInfo: {
    fields: { type: 'string', smallIconUrl: 'string?', iconUrl: 'string?', description: 'string?' },
  },
  Extension: {
    fields: {
      description: 'Description',
      key: 'string',
      company: 'string?',
      type: 'string?',
      version: 'string',
      subjectName: 'string?',
      lastHeartbeatTime: 'dateTime',
      managedEntityInfo: 'ExtManagedEntityInfo[]?',
      shownInSolutionManager: 'boolean?',
    },
  },

  // Property collector
  PropertySpec: { fields: { type: 'string', all: 'boolean?', pathSet: 'string[]?' } },
  SelectionSpec: { fields: { name: 'string?' } },
  TraversalSpec: {
    base: 'SelectionSpec',
    fields: { type: 'string', path: 'string', skip: 'boolean?', selectSet: 'SelectionSpec[]?' },
  },
  ObjectSpec: { fields: { obj: 'ref', skip: 'boolean?', selectSet: 'SelectionSpec[]?' } },
  PropertyFilterSpec: {
    fields: { propSet: 'PropertySpec[]', objectSet: 'ObjectSpec[]', reportMissingObjectsInResults: 'boolean?' },
  },
  RetrieveOptions: { fields: { maxObjects: 'int?' } },
  DynamicProperty: { fields: { name: 'string', val: 'any' } },
  MissingProperty: { fields: { path: 'string', fault: 'LocalizedMethodFault' } },
  ObjectContent: { fields: { obj: 'ref', propSet: 'DynamicProperty[]?', missingSet: 'MissingProperty[]?' } },
  RetrieveResult: { fields: { token: 'string?', objects: 'ObjectContent[]' } },
  WaitOptions: { fields: { maxWaitSeconds: 'int?', maxObjectUpdates: 'int?' } },
  PropertyChange: { fields: { name: 'string', op: 'PropertyChangeOp', val: 'any?' } },
  ObjectUpdate: {
    fields: { kind: 'ObjectUpdateKind', obj: 'ref', changeSet: 'PropertyChange[]?', missingSet: 'MissingProperty[]?' },
  },
  PropertyFilterUpdate: { fields: { filter: 'ref', objectSet: 'ObjectUpdate[]?' } },
  UpdateSet: { fields: { version: 'string', filterSet: 'PropertyFilterUpdate[]?', truncated: 'boolean?' } },

  // Tasks and faults
  TaskInfo: {
    fields: {
      key: 'string',
      task: 'ref',
      name: 'string?',
      descriptionId: 'string',
      entity: 'ref?',
      entityName: 'string?',
      state: 'TaskInfoState',
      cancelled: 'boolean',
      cancelable: 'boolean',
      error: 'LocalizedMethodFault?',
      result: 'any?',
      progress: 'int?',
      reason: 'TaskReason?',
      queueTime: 'dateTime',
      startTime: 'dateTime?',
      completeTime: 'dateTime?',
      eventChainId: 'int',
    },
  },
  TaskReason: { abstract: true, fields: {} },
  TaskReasonUser: { base: 'TaskReason', fields: { userName: 'string' } },
  LocalizedMethodFault: { fields: { fault: 'MethodFault', localizedMessage: 'string?' } },
  MethodFault: { fields: { faultCause: 'LocalizedMethodFault?' } },
  RuntimeFault: { base: 'MethodFault', fields: {} },
  VimFault: { base: 'MethodFault', fields: {} },
  InvalidRequest: { base: 'RuntimeFault', fields: {} },
  InvalidType: { base: 'InvalidRequest', fields: { argument: 'string?' } },
  MethodNotFound: { base: 'InvalidRequest', fields: { receiver: 'ref', method: 'string' } },
  InvalidArgument: { base: 'RuntimeFault', fields: { invalidProperty: 'string?' } },
  ManagedObjectNotFound: { base: 'RuntimeFault', fields: { obj: 'ref' } },
  NotSupported: { base: 'RuntimeFault', fields: {} },
  RequestCanceled: { base: 'RuntimeFault', fields: {} },
  SecurityError: { base: 'RuntimeFault', fields: {} },
  NoPermission: { base: 'SecurityError', fields: { object: 'ref?', privilegeId: 'string?' } },
  NotAuthenticated: { base: 'NoPermission', fields: {} },
  HostCommunication: { base: 'RuntimeFault', fields: {} },
  HostNotConnected: { base: 'HostCommunication', fields: {} },
  SystemError: { base: 'RuntimeFault', fields: { reason: 'string' } },
  InvalidProperty: { base: 'MethodFault', fields: { name: 'string' } },
  InvalidCollectorVersion: { base: 'MethodFault', fields: {} },
  ConcurrentAccess: { base: 'VimFault', fields: {} },
  InvalidLogin: { base: 'VimFault', fields: {} },
  DuplicateName: { base: 'VimFault', fields: { name: 'string', object: 'ref' } },
  AlreadyExists: { base: 'VimFault', fields: { name: 'string?' } },
  InvalidName: { base: 'VimFault', fields: { name: 'string', entity: 'ref?' } },
  InvalidState: { base: 'VimFault', fields: {} },
  InvalidPowerState: {
    base: 'InvalidState',
    fields: { requestedState: 'VirtualMachinePowerState?', existingState: 'VirtualMachinePowerState' },
  },
  InvalidDatastore: { base: 'VimFault', fields: { datastore: 'ref?', name: 'string?' } },
  InvalidDatastorePath: { base: 'InvalidDatastore', fields: { datastorePath: 'string' } },
  TaskInProgress: { base: 'VimFault', fields: { task: 'ref' } },
  Timedout: { base: 'VimFault', fields: {} },
  InsufficientResourcesFault: { base: 'VimFault', fields: {} },
  VmConfigFault: { base: 'VimFault', fields: {} },
  InvalidVmConfig: { base: 'VmConfigFault', fields: { property: 'string?' } },
  InvalidDeviceSpec: { base: 'InvalidVmConfig', fields: { deviceIndex: 'int' } },
  GenericVmConfigFault: { base: 'VmConfigFault', fields: { reason: 'string' } },
  FileFault: { base: 'VimFault', fields: { file: 'string' } },
  CannotDeleteFile: { base: 'FileFault', fields: {} },
  FileAlreadyExists: { base: 'FileFault', fields: {} },
  FileLocked: { base: 'FileFault', fields: {} },
  FileNotFound: { base: 'FileFault', fields: {} },
  NoDiskSpace: { base: 'FileFault', fields: { datastore: 'string' } },

  // Virtual machine configuration
  OptionValue: { fields: { key: 'string', value: 'any?' } },
  ManagedByInfo: { fields: { extensionKey: 'string', type: 'string' } },
  VirtualMachineFileInfo: {
    fields: {
      vmPathName: 'string?',
      snapshotDirectory: 'string?',
      suspendDirectory: 'string?',
      logDirectory: 'string?',
    },
  },
  VirtualMachineFileLayout: {
    fields: {
      configFile: 'string[]?',
      logFile: 'string[]?',
      disk: 'VirtualMachineFileLayoutDiskLayout[]?',
      snapshot: 'VirtualMachineFileLayoutSnapshotLayout[]?',
      swapFile: 'string?',
    },
  },
  VirtualMachineFileLayoutDiskLayout: { fields: { key: 'int', diskFile: 'string[]' } },
  VirtualMachineFileLayoutSnapshotLayout: { fields: { key: 'ref', snapshotFile: 'string[]' } },
  VirtualMachineProfileSpec: { abstract: true, fields: {} },
  VirtualMachineDefinedProfileSpec: { base: 'VirtualMachineProfileSpec', fields: { profileId: 'string' } },
  VirtualMachineConfigSpec: {
    fields: {
      changeVersion: 'string?',
      name: 'string?',
      version: 'string?',
      uuid: 'string?',
      instanceUuid: 'string?',
      guestId: 'string?',
      annotation: 'string?',
      files: 'VirtualMachineFileInfo?',
      numCPUs: 'int?',
      memoryMB: 'long?',
      deviceChange: 'VirtualDeviceConfigSpec[]?',
      extraConfig: 'OptionValue[]?',
      managedBy: 'ManagedByInfo?',
      vmProfile: 'VirtualMachineProfileSpec[]?',
    },
  },
  VirtualMachineFlagInfo: { fields: {} },
  VirtualMachineDefaultPowerOpInfo: { fields: {} },
  VirtualHardware: {
    fields: { numCPU: 'int', numCoresPerSocket: 'int?', memoryMB: 'int', device: 'VirtualDevice[]?' },
  },
  VirtualMachineConfigInfo: {
    fields: {
      changeVersion: 'string',
      modified: 'dateTime',
      name: 'string',
      guestFullName: 'string',
      version: 'string',
      uuid: 'string',
      instanceUuid: 'string?',
      template: 'boolean',
      guestId: 'string',
      alternateGuestName: 'string',
      annotation: 'string?',
      files: 'VirtualMachineFileInfo',
      flags: 'VirtualMachineFlagInfo',
      defaultPowerOps: 'VirtualMachineDefaultPowerOpInfo',
      hardware: 'VirtualHardware',
      extraConfig: 'OptionValue[]?',
      managedBy: 'ManagedByInfo?',
    },
  },
  VirtualMachineRuntimeInfo: {
    fields: {
      host: 'ref?',
      connectionState: 'VirtualMachineConnectionState',
      powerState: 'VirtualMachinePowerState',
      faultToleranceState: 'VirtualMachineFaultToleranceState',
      toolsInstallerMounted: 'boolean',
      numMksConnections: 'int',
      recordReplayState: 'VirtualMachineRecordReplayState',
      onlineStandby: 'boolean',
      consolidationNeeded: 'boolean',
    },
  },
  VirtualMachineConfigSummary: {
    fields: {
      name: 'string',
      template: 'boolean',
      vmPathName: 'string',
      memorySizeMB: 'int?',
      numCpu: 'int?',
      numVirtualDisks: 'int?',
      uuid: 'string?',
      instanceUuid: 'string?',
      guestId: 'string?',
      guestFullName: 'string?',
      annotation: 'string?',
      managedBy: 'ManagedByInfo?',
    },
  },
  VirtualMachineGuestSummary: {
    fields: {
      guestId: 'string?',
      toolsStatus: 'VirtualMachineToolsStatus?',
      toolsVersionStatus: 'string?',
      toolsRunningStatus: 'string?',
      hostName: 'string?',
      ipAddress: 'string?',
    },
  },
  GuestInfo: {
    fields: {
      toolsStatus: 'VirtualMachineToolsStatus?',
      toolsVersionStatus: 'string?',
      toolsRunningStatus: 'string?',
      hostName: 'string?',
      ipAddress: 'string?',
      guestState: 'string',
    },
  },
  VirtualMachineQuickStats: { fields: { guestHeartbeatStatus: 'ManagedEntityStatus' } },
  VirtualMachineSummary: {
    fields: {
      vm: 'ref?',
      runtime: 'VirtualMachineRuntimeInfo',
      guest: 'VirtualMachineGuestSummary?',
      config: 'VirtualMachineConfigSummary',
      storage: 'VirtualMachineStorageSummary?',
      quickStats: 'VirtualMachineQuickStats',
      overallStatus: 'ManagedEntityStatus',
    },
  },
  VirtualDeviceConfigSpec: {
    fields: {
      operation: 'VirtualDeviceConfigSpecOperation?',
      fileOperation: 'VirtualDeviceConfigSpecFileOperation?',
      device: 'VirtualDevice',
      profile: 'VirtualMachineProfileSpec[]?',
    },
  },
  VirtualDevice: {
    abstract: true,
    fields: {
      key: 'int',
      backing: 'VirtualDeviceBackingInfo?',
      controllerKey: 'int?',
      unitNumber: 'int?',
    },
  },
  VirtualDisk: {
    base: 'VirtualDevice',
    fields: {
      capacityInKB: 'long',
      capacityInBytes: 'long?',
      shares: 'SharesInfo?',
      storageIOAllocation: 'StorageIOAllocationInfo?',
      iofilter: 'string[]?',
    },
  },
  SharesInfo: { fields: { shares: 'int', level: 'SharesLevel' } },
  StorageIOAllocationInfo: { fields: { limit: 'long?', shares: 'SharesInfo?', reservation: 'int?' } },
  VirtualController: { abstract: true, base: 'VirtualDevice', fields: { busNumber: 'int', device: 'int[]?' } },
  VirtualIDEController: { base: 'VirtualController', fields: {} },
  VirtualSCSIController: {
    abstract: true,
    base: 'VirtualController',
    fields: { hotAddRemove: 'boolean?', sharedBus: 'VirtualSCSISharing', scsiCtlrUnitNumber: 'int?' },
  },
  VirtualLsiLogicController: { base: 'VirtualSCSIController', fields: {} },
  VirtualLsiLogicSASController: { base: 'VirtualSCSIController', fields: {} },
  VirtualBusLogicController: { base: 'VirtualSCSIController', fields: {} },
  ParaVirtualSCSIController: { base: 'VirtualSCSIController', fields: {} },
  VirtualSATAController: { base: 'VirtualController', fields: {} },
  VirtualAHCIController: { base: 'VirtualSATAController', fields: {} },
  VirtualNVMEController: { base: 'VirtualController', fields: {} },
  VirtualDeviceBackingInfo: { abstract: true, fields: {} },
  VirtualDeviceFileBackingInfo: {
    abstract: true,
    base: 'VirtualDeviceBackingInfo',
    fields: { fileName: 'string', datastore: 'ref?', backingObjectId: 'string?' },
  },
  VirtualDiskFlatVer2BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: {
      diskMode: 'string',
      split: 'boolean?',
      writeThrough: 'boolean?',
      thinProvisioned: 'boolean?',
      eagerlyScrub: 'boolean?',
      uuid: 'string?',
      contentId: 'string?',
      changeId: 'string?',
      parent: 'VirtualDiskFlatVer2BackingInfo?',
      deltaDiskFormat: 'string?',
      digestEnabled: 'boolean?',
      deltaGrainSize: 'int?',
      deltaDiskFormatVariant: 'string?',
      sharing: 'string?',
    },
  },
  // Kinds of disks that no volume has: of these only what says which files they stand on.
  VirtualDiskFlatVer1BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: { diskMode: 'string', parent: 'VirtualDiskFlatVer1BackingInfo?' },
  },
  VirtualDiskSparseVer1BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: { diskMode: 'string', parent: 'VirtualDiskSparseVer1BackingInfo?' },
  },
  VirtualDiskSparseVer2BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: { diskMode: 'string', parent: 'VirtualDiskSparseVer2BackingInfo?' },
  },
  VirtualDiskSeSparseBackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: { diskMode: 'string', parent: 'VirtualDiskSeSparseBackingInfo?' },
  },
  VirtualDiskRawDiskMappingVer1BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: { diskMode: 'string?', parent: 'VirtualDiskRawDiskMappingVer1BackingInfo?' },
  },
  VirtualDiskLocalPMemBackingInfo: { base: 'VirtualDeviceFileBackingInfo', fields: { diskMode: 'string' } },
  VirtualMachineStorageSummary: {
    fields: { committed: 'long', uncommitted: 'long', unshared: 'long', timestamp: 'dateTime' },
  },
  VirtualMachineSnapshotTree: {
    fields: {
      snapshot: 'ref',
      vm: 'ref',
      name: 'string',
      description: 'string',
      id: 'int',
      createTime: 'dateTime',
      state: 'VirtualMachinePowerState',
      quiesced: 'boolean',
      childSnapshotList: 'VirtualMachineSnapshotTree[]?',
    },
  },
  VirtualMachineSnapshotInfo: {
    fields: { currentSnapshot: 'ref?', rootSnapshotList: 'VirtualMachineSnapshotTree[]?' },
  },

  // Import, export, relocation
  ImportSpec: { abstract: true, fields: {} },
  VirtualMachineImportSpec: {
    base: 'ImportSpec',
    fields: { configSpec: 'VirtualMachineConfigSpec', resPoolEntity: 'ref?' },
  },
  VirtualMachineRelocateSpecDiskLocator: {
    fields: {
      diskId: 'int',
      datastore: 'ref',
      diskMoveType: 'string?',
      diskBackingInfo: 'VirtualDeviceBackingInfo?',
      profile: 'VirtualMachineProfileSpec[]?',
    },
  },
  VirtualMachineRelocateSpec: {
    fields: {
      folder: 'ref?',
      datastore: 'ref?',
      diskMoveType: 'string?',
      pool: 'ref?',
      host: 'ref?',
      disk: 'VirtualMachineRelocateSpecDiskLocator[]?',
      profile: 'VirtualMachineProfileSpec[]?',
    },
  },
  VirtualMachineCloneSpec: {
    fields: {
      location: 'VirtualMachineRelocateSpec',
      template: 'boolean',
      config: 'VirtualMachineConfigSpec?',
      powerOn: 'boolean',
      snapshot: 'ref?',
    },
  },
  VirtualDiskSpec: { fields: { diskType: 'string', adapterType: 'string' } },
  FileBackedVirtualDiskSpec: {
    base: 'VirtualDiskSpec',
    fields: { capacityKb: 'long', profile: 'VirtualMachineProfileSpec[]?' },
  },
  HttpNfcLeaseDeviceUrl: {
    fields: {
      key: 'string',
      importKey: 'string',
      url: 'string',
      sslThumbprint: 'string',
      sslCertificate: 'string?',
      disk: 'boolean?',
      targetId: 'string?',
      datastoreKey: 'string?',
      fileSize: 'long?',
    },
  },
  HttpNfcLeaseInfo: {
    fields: {
      lease: 'ref',
      entity: 'ref',
      deviceUrl: 'HttpNfcLeaseDeviceUrl[]?',
      totalDiskCapacityInKB: 'long',
      leaseTimeout: 'int',
    },
  },
  KeyValue: { fields: { key: 'string', value: 'string' } },
  HttpNfcLeaseManifestEntry: {
    fields: {
      key: 'string',
      sha1: 'string',
      checksum: 'string?',
      checksumType: 'string?',
      size: 'long',
      disk: 'boolean',
      capacity: 'long?',
      populatedSize: 'long?',
    },
  },

  // Datastores and hosts
  DatastoreSummary: {
    fields: {
      datastore: 'ref?',
      name: 'string',
      url: 'string',
      capacity: 'long',
      freeSpace: 'long',
      uncommitted: 'long?',
      accessible: 'boolean',
      multipleHostAccess: 'boolean?',
      type: 'string',
      maintenanceMode: 'string?',
    },
  },
  NetworkSummary: { fields: { network: 'ref?', name: 'string', accessible: 'boolean', ipPoolName: 'string' } },
  HostMountInfo: {
    fields: { path: 'string?', accessMode: 'string', mounted: 'boolean?', accessible: 'boolean?' },
  },
  DatastoreHostMount: { fields: { key: 'ref', mountInfo: 'HostMountInfo' } },
  HostRuntimeInfo: {
    fields: {
      connectionState: 'HostSystemConnectionState',
      powerState: 'HostSystemPowerState',
      inMaintenanceMode: 'boolean',
    },
  },
  FileQueryFlags: {
    fields: { fileType: 'boolean', fileSize: 'boolean', modification: 'boolean', fileOwner: 'boolean' },
  },
  FileInfo: {
    fields: {
      path: 'string',
      friendlyName: 'string?',
      fileSize: 'long?',
      modification: 'dateTime?',
      owner: 'string?',
    },
  },
  FolderFileInfo: { base: 'FileInfo', fields: {} },
  VmDiskFileInfo: { base: 'FileInfo', fields: {} },
  VmConfigFileInfo: { base: 'FileInfo', fields: {} },
  VmNvramFileInfo: { base: 'FileInfo', fields: {} },
  FileQuery: { fields: {} },
  HostDatastoreBrowserSearchSpec: {
    fields: {
      query: 'FileQuery[]?',
      details: 'FileQueryFlags?',
      searchCaseInsensitive: 'boolean?',
      matchPattern: 'string[]?',
      sortFoldersFirst: 'boolean?',
    },
  },
  HostDatastoreBrowserSearchResults: {
    fields: { datastore: 'ref?', folderPath: 'string?', file: 'FileInfo[]?' },
  },

  ...ovfObjectTypes,
  ...pbmObjectTypes,
} as const satisfies Record<string, ObjectTypeDefinition>;

/** The name of a data object type of the subset. */
export type ObjectTypeName = keyof typeof objectTypes;
