import { InvalidLoginError, VimFault } from '../../errors/index.js';

/**
 * Faults of a server that is not ready, or too busy, to log anybody in. Any other is final: it is about the user, and
 * servers lock accounts that try too often.
 */
const passing = new Set([
  'ConcurrentAccess',
  'HostCommunication',
  'HostConnectFault',
  'HostNotReachable',
  'LimitExceeded',
  'MethodFault',
  'NotAuthenticated',
  'RequestCanceled',
  'RuntimeFault',
  'SystemError',
  'Timedout',
  'VimFault',
]);

const reasons: ReadonlyMap<string, string> = new Map([
  ['InvalidLogin', 'the user name or the password'],
  ['NoPermission', 'the login: the user has no permission to log in'],
  ['PasswordExpired', 'the login: the password has expired'],
]);

/** What to tell of a login that failed. */
export function loginRefusal(error: unknown, server: string): unknown {
  if (!(error instanceof VimFault) || passing.has(error.faultName)) return error;
  const reason = reasons.get(error.faultName) ?? `the login: ${error.faultName}`;
  return new InvalidLoginError(`${server} refused ${reason}`, { cause: error });
}
