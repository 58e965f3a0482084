import type { ObjectTypeDefinition } from './object-types.js';

/** The data object types of `OvfManager`. */
export const ovfObjectTypes = {
  OvfNetworkMapping: { fields: { name: 'string', network: 'ref' } },
  OvfManagerCommonParams: {
    fields: {
      locale: 'string',
      deploymentOption: 'string',
      msgBundle: 'KeyValue[]?',
      importOption: 'string[]?',
    },
  },
  OvfCreateImportSpecParams: {
    base: 'OvfManagerCommonParams',
    fields: {
      entityName: 'string',
      hostSystem: 'ref?',
      networkMapping: 'OvfNetworkMapping[]?',
      ipAllocationPolicy: 'string?',
      ipProtocol: 'string?',
      propertyMapping: 'KeyValue[]?',
      diskProvisioning: 'string?',
    },
  },
  OvfFileItem: {
    fields: {
      deviceId: 'string',
      path: 'string',
      compressionMethod: 'string?',
      chunkSize: 'long?',
      size: 'long?',
      cimType: 'int',
      create: 'boolean',
    },
  },
  OvfCreateImportSpecResult: {
    fields: {
      importSpec: 'ImportSpec?',
      fileItem: 'OvfFileItem[]?',
      warning: 'LocalizedMethodFault[]?',
      error: 'LocalizedMethodFault[]?',
    },
  },
  OvfFile: {
    fields: {
      deviceId: 'string',
      path: 'string',
      compressionMethod: 'string?',
      chunkSize: 'long?',
      size: 'long',
      capacity: 'long?',
      populatedSize: 'long?',
    },
  },
  OvfCreateDescriptorParams: {
    fields: {
      ovfFiles: 'OvfFile[]?',
      name: 'string?',
      description: 'string?',
      includeImageFiles: 'boolean?',
      exportOption: 'string[]?',
      snapshot: 'ref?',
    },
  },
  OvfCreateDescriptorResult: {
    fields: {
      ovfDescriptor: 'string',
      error: 'LocalizedMethodFault[]?',
      warning: 'LocalizedMethodFault[]?',
      includeImageFiles: 'boolean?',
    },
  },
  OvfFault: { base: 'VimFault', fields: {} },
  OvfInvalidPackage: { base: 'OvfFault', fields: { lineNumber: 'int' } },
  OvfXmlFormat: { base: 'OvfInvalidPackage', fields: { description: 'string' } },
  OvfElement: { base: 'OvfInvalidPackage', fields: { name: 'string' } },
  OvfMissingElement: { base: 'OvfElement', fields: {} },
  OvfImport: { base: 'OvfFault', fields: {} },
  OvfUnsupportedDiskProvisioning: {
    base: 'OvfImport',
    fields: { diskProvisioning: 'string', supportedDiskProvisioning: 'string' },
  },
  OvfUnsupportedPackage: { base: 'OvfFault', fields: { lineNumber: 'int?' } },
  OvfUnsupportedType: {
    base: 'OvfUnsupportedPackage',
    fields: { name: 'string', instanceId: 'string', deviceType: 'int' },
  },
} as const satisfies Record<string, ObjectTypeDefinition>;
