import type { MethodArgs, VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { isA, isManagedType } from '../managed-types.js';
import type { EndedSessionAnswer } from '../options.js';

const reads = new Set(['RetrieveProperties', 'RetrievePropertiesEx']);
const blindReads = new Set([
  ...reads,
  'WaitForUpdatesEx',
  'FindAllByUuid',
  'FindByUuid',
  'FindByInventoryPath',
  'FindChild',
]);

/** Whether a call of a session that has ended is answered with something else than a fault. */
export function isAnswered(method: string, how: EndedSessionAnswer | undefined): boolean {
  if (how === undefined || how === 'fault') return false;
  return (how === 'blind' ? blindReads : reads).has(method);
}

/** What such a call is answered with. */
export function answerOfEnded(method: string, args: unknown, how: EndedSessionAnswer): unknown {
  if (how !== 'missing-set') return undefined;
  const { specSet } = args as MethodArgs<'RetrieveProperties'>;
  const objects = specSet.flatMap(missing);
  return method === 'RetrievePropertiesEx' ? { objects } : objects;
}

/** The objects a spec names, with nothing to be read. */
function missing({ propSet, objectSet }: VimObject<'PropertyFilterSpec'>): VimObject<'ObjectContent'>[] {
  return objectSet.map(({ obj }) => {
    const refusal = fault(
      'NotAuthenticated',
      { object: obj, privilegeId: 'System.Read' },
      'The session is not authenticated.',
    ).localized();
    const paths = propSet.flatMap(({ type, pathSet = [] }) =>
      isManagedType(obj.type) && isA(obj.type, type) ? pathSet : [],
    );
    return { obj, missingSet: paths.map((path) => ({ path, fault: refusal })) };
  });
}
