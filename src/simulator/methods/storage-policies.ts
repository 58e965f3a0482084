import type { MoRef, VimObject } from '../../vim/schema/index.js';
import { Fault, fault } from '../fault.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { StoragePolicy } from '../storage-policies.js';
import type { World } from '../world.js';
import type { Handlers } from './handler.js';

type Methods =
  | 'PbmRetrieveServiceContent'
  | 'PbmQueryProfile'
  | 'PbmRetrieveContent'
  | 'PbmQueryAssociatedProfiles'
  | 'PbmQueryMatchingHub';

export const storagePolicyMethods: Handlers<Methods> = {
  PbmRetrieveServiceContent: ({ instanceUuid }) => pbmContent(instanceUuid),

  PbmQueryProfile({ storagePolicies }, _target, { resourceType, profileCategory = 'REQUIREMENT' }) {
    if (resourceType.resourceType !== 'STORAGE') {
      throw fault('InvalidArgument', { invalidProperty: 'resourceType' }, 'STORAGE is all there is');
    }
    // The other categories describe what datastores offer; the simulator has none.
    return profileCategory === 'REQUIREMENT' ? storagePolicies.all.map(({ id }) => ({ uniqueId: id })) : [];
  },

  PbmRetrieveContent(world, _target, { profileIds }) {
    if (profileIds.length === 0) throw fault('InvalidArgument', { invalidProperty: 'profileIds' }, 'It is empty');
    return profileIds.map((id) => describePolicy(requirePolicy(world, id, 'profileIds')));
  },

  PbmQueryAssociatedProfiles: (world, _target, { entities }) =>
    entities.map((object) => {
      const found = profileOf(world, object);
      if (found === undefined) {
        return { object, fault: new Fault({ _type: 'PbmFaultNotFound' }, `There is no ${object.key}`).localized() };
      }
      return { object, profileId: found.map((uniqueId) => ({ uniqueId })) };
    }),

  PbmQueryMatchingHub(world, _target, { hubsToSearch, profile }) {
    const { compatibleDatastores } = requirePolicy(world, profile, 'profile');
    return world.datastores
      .filter(({ name }) => compatibleDatastores.includes(name))
      .map(({ ref }) => ({ hubType: ref.type, hubId: ref.value }))
      .filter(({ hubId }) => hubsToSearch === undefined || hubsToSearch.some((hub) => hub.hubId === hubId));
  },
};

/** The service's managers, with the ids the product gives them. */
export function pbmContent(instanceUuid: string): VimObject<'PbmServiceInstanceContent'> {
  const manager = (type: string, value: string): MoRef => ({ type, value });
  return {
    aboutInfo: { name: 'PBM', version: '2.0', instanceUuid },
    sessionManager: manager('PbmSessionManager', 'SessionManager'),
    capabilityMetadataManager: manager('PbmCapabilityMetadataManager', 'CapabilityMetadataManager'),
    profileManager: manager('PbmProfileProfileManager', 'ProfileManager'),
    complianceManager: manager('PbmComplianceManager', 'complianceManager'),
    placementSolver: manager('PbmPlacementSolver', 'placementSolver'),
  };
}

function requirePolicy(
  { storagePolicies }: World,
  { uniqueId }: VimObject<'PbmProfileId'>,
  invalidProperty: string,
): StoragePolicy {
  const policy = storagePolicies.find(uniqueId);
  if (policy === undefined) {
    throw fault('InvalidArgument', { invalidProperty }, `There is no storage policy ${uniqueId}`);
  }
  return policy;
}

function describePolicy({ id, name }: StoragePolicy): VimObject<'PbmProfile'> {
  const since = { creationTime: '2020-01-01T00:00:00Z', lastUpdatedTime: '2020-01-01T00:00:00Z' };
  return {
    _type: 'PbmCapabilityProfile',
    profileId: { uniqueId: id },
    name,
    ...since,
    createdBy: 'administrator',
    lastUpdatedBy: 'administrator',
    profileCategory: 'REQUIREMENT',
    resourceType: { resourceType: 'STORAGE' },
    isDefault: false,
  };
}

/** The policy of a VM (`vm-1`) or of one of its disks (`vm-1:2000`), if it has one; undefined where there is no such thing. */
function profileOf({ vms }: World, { objectType, key }: VimObject<'PbmServerObjectRef'>): string[] | undefined {
  const [id, diskKey] = key.split(':');
  const vm: VirtualMachine | undefined = vms.find((candidate) => candidate.id === id);
  switch (objectType) {
    case 'virtualMachine':
      return vm && listed(vm.config.storageProfile);
    case 'virtualDiskId': {
      const disk = vm?.disks.find((candidate) => String(candidate.key) === diskKey);
      return disk && listed(disk.storageProfile);
    }
    default:
      throw fault('InvalidArgument', { invalidProperty: 'entities' }, `Objects of type ${objectType} have no policy`);
  }
}

function listed(profileId: string | undefined): string[] {
  return profileId === undefined ? [] : [profileId];
}
