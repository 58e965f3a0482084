import type { MoRef } from './schema/index.js';
import { identityOf } from './session-identity.js';
import type { VimSession } from './vim-session.js';

/**
 * How many waits one collector serves. The filters of waits that ended stay with it until then: to destroy each would cost
 * a call per wait, and one on a task that has ended costs the server nothing.
 */
const waitsPerCollector = 16;

/** How many collectors of a session may lie idle. */
const maxIdle = 8;

/** How long it may take to tell the server that a collector is not needed any more, in milliseconds. */
const destroyTimeoutMs = 5_000;

/** A property collector that one wait has for itself. */
export interface LeasedCollector {
  readonly ref: MoRef;
  /** Whether it served another wait before; the login it was created under may have ended since. */
  readonly used: boolean;
  /** Makes it available to the next wait. */
  giveBack(): Promise<void>;
  /** Destroys it: what it would answer next is not known. Never throws. */
  discard(): Promise<void>;
}

/** A property collector that lies idle. */
interface IdleCollector {
  readonly ref: MoRef;
  /** How many waits it served. */
  readonly waits: number;
}

const idleOf = new WeakMap<VimSession, IdleCollector[]>();

/**
 * A property collector for a wait. A wait has one for itself, since a collector answers one poll at a time, and hands it on
 * to the session's next: waits that follow each other share one.
 *
 * @throws VimFault, VimConnectionError, AbortError
 */
export async function takeCollector(session: VimSession, signal: AbortSignal | undefined): Promise<LeasedCollector> {
  const owner = identityOf(session);
  const idle = idleOf.get(owner) ?? [];
  idleOf.set(owner, idle);
  const known = idle.pop();
  const root = session.serviceContent.propertyCollector;
  const ref = known?.ref ?? (await session.invoke('CreatePropertyCollector', root, {}, { signal }));
  const waits = (known?.waits ?? 0) + 1;
  return {
    ref,
    used: known !== undefined,
    async giveBack() {
      if (waits < waitsPerCollector && idle.length < maxIdle) idle.push({ ref, waits });
      else await destroyCollector(session, ref);
    },
    discard: () => destroyCollector(session, ref),
  };
}

/** Without a caller's signal, which may be why it ends; where it fails, the collector ends with the session. */
async function destroyCollector(session: VimSession, ref: MoRef): Promise<void> {
  const signal = AbortSignal.timeout(destroyTimeoutMs);
  await session.invoke('DestroyPropertyCollector', ref, {}, { signal }).catch(() => undefined);
}
