import { isVimFault, VimFault } from '../../errors/index.js';
import { type MethodArgs, type MethodName, type MethodResult, serviceOf, type VimObject } from '../schema/index.js';

/*
 * The three ways in which a server says that a session has ended: a fault, a fault for every property that was to be read,
 * and nothing at all where objects should be (oslo.vmware reads the last as `NotAuthenticated`, too).
 */

/** The fault that an ended session should be answered with. */
export function expired(method: MethodName): VimFault {
  return new VimFault('NotAuthenticated', method, 'the server answers nothing to a session that has ended');
}

/** Whether a fault says that there is no session any more. The storage policy service may call it a `SecurityError`. */
export function saysExpired(method: MethodName, error: unknown): boolean {
  return isVimFault(error, 'NotAuthenticated') || (serviceOf(method) === 'pbm' && isVimFault(error, 'SecurityError'));
}

/**
 * Refuses an answer that says of a property that it cannot be read, for want of a session.
 *
 * @throws VimFault NotAuthenticated
 */
export function refuseUnauthenticated(method: MethodName, result: unknown): void {
  for (const { fault } of missingProperties(method, result)) {
    const name: string = fault.fault._type;
    if (name.endsWith('NotAuthenticated')) throw new VimFault(name, method, fault.localizedMessage ?? '');
  }
}

function missingProperties(method: MethodName, result: unknown) {
  switch (method) {
    case 'RetrievePropertiesEx':
    case 'ContinueRetrievePropertiesEx':
      return ((result as MethodResult<typeof method>)?.objects ?? []).flatMap(({ missingSet = [] }) => missingSet);
    case 'WaitForUpdatesEx':
      return ((result as MethodResult<typeof method>)?.filterSet ?? [])
        .flatMap(({ objectSet = [] }) => objectSet)
        .flatMap(({ missingSet = [] }) => missingSet);
    default:
      return [];
  }
}

/**
 * Whether an answer lacks objects that were asked for by reference, or shows no property of any: the session may have ended. Of
 * objects that were only the beginning of a traversal a server may say nothing then, not even a fault. An answer whose rest is
 * still to be fetched is not judged.
 */
export function saysNothing(method: MethodName, args: object, result: unknown): boolean {
  switch (method) {
    case 'RetrievePropertiesEx': {
      const answer = result as MethodResult<typeof method>;
      if (showsNothing(answer)) return true;
      if (answer.token !== undefined) return false;
      const shown = new Set(answer.objects.map(({ obj }) => obj.value));
      const { specSet } = args as MethodArgs<typeof method>;
      return specSet.some(({ objectSet }) => objectSet.some(({ obj, skip }) => skip !== true && !shown.has(obj.value)));
    }
    case 'ContinueRetrievePropertiesEx':
      return showsNothing(result as MethodResult<typeof method> | undefined);
    default:
      return false;
  }
}

function showsNothing(answer: VimObject<'RetrieveResult'> | undefined): answer is undefined {
  return answer === undefined || answer.objects.every(({ propSet = [] }) => propSet.length === 0);
}
