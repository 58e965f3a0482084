import type { VimSession } from './vim-session.js';

const originals = new WeakMap<VimSession, VimSession>();

/** Says that one object stands for a session: what is kept for each session is kept once for both. */
export function markAsViewOf<T extends VimSession>(view: T, session: VimSession): T {
  originals.set(view, identityOf(session));
  return view;
}

/** The session itself, by which to keep what belongs to it. */
export function identityOf(session: VimSession): VimSession {
  return originals.get(session) ?? session;
}

const conforming = new WeakSet<VimSession>();

/** Says that a session holds what the server answers against the schema itself: it is not looked through again. */
export function markAsConforming(session: VimSession): void {
  conforming.add(session);
}

/** Whether a session's answers are known to be of the types the schema declares. */
export function isConforming(session: VimSession): boolean {
  return conforming.has(session);
}
