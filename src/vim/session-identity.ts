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
