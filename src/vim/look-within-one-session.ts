import { VimConnectionError } from '../errors/index.js';
import { managerOf } from './managers.js';
import { readProperties } from './property-collector.js';
import { identityOf } from './session-identity.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** The server's key of each session, as it was seen last: one that is the same after a look was so throughout. */
const keys = new WeakMap<VimSession, string>();

/** How many sessions in a row may end during a look. */
const maxSessions = 3;

/**
 * Looks for something and believes that it is not there only where one session lasted for as long as the look: what a
 * server says to a session that has ended proves nothing.
 *
 * @returns what was seen; `undefined` where it is certain that there was nothing to see
 * @throws VimConnectionError with outcome `unknown` where the session ends again and again
 */
export function lookWithinOneSession<T>(
  session: VimSession,
  look: () => Promise<T | undefined>,
  options: AbortableOptions,
): Promise<T | undefined> {
  return repeatLook(session, look, (seen) => seen !== undefined, options);
}

/**
 * Lists something, and believes that the list is complete only where one session lasted for as long as that took.
 *
 * @throws VimConnectionError as {@link lookWithinOneSession}
 */
export function listWithinOneSession<T>(
  session: VimSession,
  list: () => Promise<T>,
  options: AbortableOptions,
): Promise<T> {
  return repeatLook(session, list, () => false, options);
}

/** @param isProved whether what was seen is true whatever became of the session */
async function repeatLook<T>(
  session: VimSession,
  look: () => Promise<T>,
  isProved: (seen: T) => boolean,
  options: AbortableOptions,
): Promise<T> {
  let before = keys.get(identityOf(session)) ?? (await readKey(session, options));
  for (let sessions = 1; sessions <= maxSessions; sessions++) {
    const seen = await look();
    if (isProved(seen)) return seen;
    const after = await readKey(session, options);
    if (after !== undefined && before === after) return seen;
    before = after;
  }
  throw new VimConnectionError(
    'the session ends again and again, or the server does not show it: what is not seen may be there',
    'unknown',
  );
}

async function readKey(session: VimSession, options: AbortableOptions): Promise<string | undefined> {
  const manager = managerOf(session, 'sessionManager');
  const { currentSession } = await readProperties(session, manager, 'SessionManager', ['currentSession'], options);
  const key = currentSession?.key;
  if (key !== undefined) keys.set(identityOf(session), key);
  return key;
}
