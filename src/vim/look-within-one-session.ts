import { VimConnectionError } from '../errors/index.js';
import { managerOf } from './managers.js';
import { readProperties } from './property-collector.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** How many sessions in a row may end during a look. */
const maxSessions = 3;

/**
 * Looks for something and believes that it is not there only where one session lasted for as long as the look: what a
 * server says to a session that has ended proves nothing.
 *
 * @returns what was seen; `undefined` where it is certain that there was nothing to see
 * @throws VimConnectionError with outcome `unknown` where the session ends again and again
 */
export async function lookWithinOneSession<T>(
  session: VimSession,
  look: () => Promise<T | undefined>,
  options: AbortableOptions,
): Promise<T | undefined> {
  for (let sessions = 1; sessions <= maxSessions; sessions++) {
    const before = await sessionKey(session, options);
    const seen = await look();
    if (seen !== undefined || before === (await sessionKey(session, options))) return seen;
  }
  throw new VimConnectionError('the session ends again and again: what it does not see may be there', 'unknown');
}

async function sessionKey(session: VimSession, options: AbortableOptions): Promise<string | undefined> {
  const manager = managerOf(session, 'sessionManager');
  const { currentSession } = await readProperties(session, manager, 'SessionManager', ['currentSession'], options);
  return currentSession?.key;
}
