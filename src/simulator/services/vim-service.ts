import { fault } from '../fault.js';
import { vim25 } from '../soap/schema.js';
import type { World } from '../world.js';
import type { SoapService } from './soap-service.js';

/** The vim25 service: its session is told by a cookie. */
export function vimService({ registry, sessions }: World): SoapService {
  return {
    schema: vim25,
    anonymous: new Set(['RetrieveServiceContent', 'Login']),
    sessionOf: ({ headers }) => sessions.find(headers.cookie),
    endedSession: ({ headers }) => sessions.answerOfEnded(headers.cookie),
    find: (ref, session) => session?.collectors.get(ref.value) ?? registry.find(ref),
    notAuthenticated: ({ target }) =>
      fault('NotAuthenticated', { object: target, privilegeId: 'System.View' }, 'The session is not authenticated.'),
  };
}
