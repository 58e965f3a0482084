import { Fault } from '../fault.js';
import { Manager } from '../managed-object.js';
import { pbmContent } from '../methods/storage-policies.js';
import { Registry } from '../registry.js';
import { pbm } from '../soap/schema.js';
import type { World } from '../world.js';
import type { SoapService } from './soap-service.js';

/**
 * The storage policy service of a vCenter: vim25's session is told by an element of the envelope's header, and faults are of
 * its own namespace.
 */
export function pbmService({ sessions, instanceUuid }: World): SoapService {
  const { profileManager, placementSolver } = pbmContent(instanceUuid);
  const registry = new Registry();
  registry.add(new Manager('PbmServiceInstance', 'ServiceInstance'));
  registry.add(new Manager('PbmProfileProfileManager', profileManager.value));
  registry.add(new Manager('PbmPlacementSolver', placementSolver.value));
  return {
    schema: pbm,
    anonymous: new Set(),
    sessionOf: (_request, { header }) => sessions.withCookie(header('vcSessionCookie')),
    endedSession: () => undefined,
    find: (ref) => registry.find(ref),
    notAuthenticated: () =>
      new Fault({ _type: 'PbmFaultNotAuthenticated' }, 'The session of vcSessionCookie is not authenticated.'),
  };
}
