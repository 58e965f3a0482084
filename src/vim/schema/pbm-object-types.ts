import type { ObjectTypeDefinition } from './object-types.js';

/**
 * The data object types of the storage policy API (PBM) this library sends or reads: part of the one table, in a namespace
 * of their own on the wire. Source: VMware Storage Policy API reference, API 2.0.
 */
export const pbmObjectTypes = {
  PbmAboutInfo: { fields: { name: 'string', version: 'string', instanceUuid: 'string' } },
  PbmServiceInstanceContent: {
    fields: {
      aboutInfo: 'PbmAboutInfo',
      sessionManager: 'ref',
      capabilityMetadataManager: 'ref',
      profileManager: 'ref',
      complianceManager: 'ref',
      placementSolver: 'ref',
      replicationManager: 'ref?',
    },
  },
  PbmProfileId: { fields: { uniqueId: 'string' } },
  PbmProfileResourceType: { fields: { resourceType: 'string' } },
  PbmProfile: {
    fields: {
      profileId: 'PbmProfileId',
      name: 'string',
      description: 'string?',
      creationTime: 'dateTime',
      createdBy: 'string',
      lastUpdatedTime: 'dateTime',
      lastUpdatedBy: 'string',
    },
  },
  PbmCapabilityProfile: {
    base: 'PbmProfile',
    fields: {
      profileCategory: 'string',
      resourceType: 'PbmProfileResourceType',
      generationId: 'long?',
      isDefault: 'boolean?',
      systemCreatedProfileType: 'string?',
      lineOfService: 'string?',
    },
  },
  PbmPlacementHub: { fields: { hubType: 'string', hubId: 'string' } },
  PbmServerObjectRef: { fields: { objectType: 'string', key: 'string', serverUuid: 'string?' } },
  PbmQueryProfileResult: {
    fields: { object: 'PbmServerObjectRef', profileId: 'PbmProfileId[]?', fault: 'LocalizedMethodFault?' },
  },
} as const satisfies Record<string, ObjectTypeDefinition>;
