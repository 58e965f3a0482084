import type { MethodDefinition } from './methods.js';

/**
 * The methods of the storage policy API (PBM) this library calls. They go to an endpoint of their own. Source: VMware
 * Storage Policy API reference, API 2.0.
 */
export const pbmMethods = {
  PbmRetrieveServiceContent: {
    service: 'pbm',
    on: 'PbmServiceInstance',
    params: {},
    returns: 'PbmServiceInstanceContent',
    idempotent: true,
  },
  PbmQueryProfile: {
    service: 'pbm',
    on: 'PbmProfileProfileManager',
    params: { resourceType: 'PbmProfileResourceType', profileCategory: 'string?' },
    returns: 'PbmProfileId[]?',
    idempotent: true,
  },
  PbmRetrieveContent: {
    service: 'pbm',
    on: 'PbmProfileProfileManager',
    params: { profileIds: 'PbmProfileId[]' },
    returns: 'PbmProfile[]',
    idempotent: true,
  },
  PbmQueryAssociatedProfiles: {
    service: 'pbm',
    on: 'PbmProfileProfileManager',
    params: { entities: 'PbmServerObjectRef[]' },
    returns: 'PbmQueryProfileResult[]?',
    idempotent: true,
  },
  PbmQueryMatchingHub: {
    service: 'pbm',
    on: 'PbmPlacementSolver',
    params: { hubsToSearch: 'PbmPlacementHub[]?', profile: 'PbmProfileId' },
    returns: 'PbmPlacementHub[]?',
    idempotent: true,
  },
} as const satisfies Record<string, MethodDefinition>;
