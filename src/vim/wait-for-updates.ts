import { isVimFault, throwIfAborted, VimConnectionError, type VimFault } from '../errors/index.js';
import { missingPropertyFault, notFound, propertySpec, readProperties, typedProperties } from './property-collector.js';
import type { ManagedType, MethodResult, MoRef, PropertiesOf, PropertyPath } from './schema/index.js';
import { waitBeforeRetry, type Backoff } from './session/backoff.js';
import type { AbortableOptions, VimSession } from './vim-session.js';
import { WatchedProperties } from './watched-properties.js';

/** How long one poll waits on the server for a change, in seconds. */
const maxWaitSeconds = 60;

/** How often in a row a wait picks itself up after its connection or its collector was lost. */
const recovery: Backoff = { tries: 6, firstDelayMs: 500, maxDelayMs: 30_000 };

/** How long it may take to tell the server that the collector is not needed any more, in milliseconds. */
const cleanupTimeoutMs = 5_000;

/**
 * Watches properties of one managed object until `until` returns something, which is what it resolves with. There is no
 * limit of time: a task takes as long as it takes.
 *
 * It has a property collector of its own, polls it with `WaitForUpdatesEx`, and destroys it in the end. A new login, which
 * leaves collectors behind, and a connection that is lost for a while do not end the wait.
 *
 * @param until sees the properties at first and after each change. What it throws ends the wait
 * @throws VimFault ManagedObjectNotFound where the object vanished; NoPermission and the like
 * @throws VimConnectionError where the server stays unreachable
 * @throws AbortError
 */
export async function waitForProperties<T extends ManagedType, P extends PropertyPath<T>, R>(
  session: VimSession,
  ref: MoRef,
  type: T,
  paths: readonly P[],
  until: (properties: PropertiesOf<T, P>) => R | undefined,
  { signal }: AbortableOptions = {},
): Promise<R> {
  for (let failures = 1; ; failures++) {
    throwIfAborted(signal);
    let progressed = false;
    const outcome = await watch(session, ref, type, paths, until, signal, () => {
      progressed = true;
    }).catch((error: unknown) => {
      if (progressed) failures = 1;
      if (!isRecoverable(error, ref) || failures >= recovery.tries) throw error;
    });
    if (outcome !== undefined) return outcome();
    await waitBeforeRetry(recovery, failures, signal);
  }
}

/** Whether what failed is the means of watching, and not what is watched. */
function isRecoverable(error: unknown, ref: MoRef): boolean {
  if (error instanceof VimConnectionError) return error.retryable;
  if (isVimFault(error, 'InvalidCollectorVersion', 'NotAuthenticated')) return true;
  // The collector or its filter went with the login it was created under.
  return isVimFault(error, 'ManagedObjectNotFound') && objectOf(error)?.value !== ref.value;
}

function objectOf({ detail }: VimFault): MoRef | undefined {
  return detail['obj'] as MoRef | undefined;
}

/**
 * One collector's life.
 *
 * @returns what gives the result of `until`, or throws what `until` threw: a task's fault is no fault of the watching
 */
async function watch<T extends ManagedType, P extends PropertyPath<T>, R>(
  session: VimSession,
  ref: MoRef,
  type: T,
  paths: readonly P[],
  until: (properties: PropertiesOf<T, P>) => R | undefined,
  signal: AbortSignal | undefined,
  progress: () => void,
): Promise<() => R> {
  const { propertyCollector } = session.serviceContent;
  const collector = await session.invoke('CreatePropertyCollector', propertyCollector, {}, { signal });
  try {
    const spec = { propSet: [propertySpec(type, paths)], objectSet: [{ obj: ref }] };
    await createFilter(session, collector, spec, ref, signal);
    const watched = new WatchedProperties(paths);
    let version = '';
    for (;;) {
      const args = { version, options: { maxWaitSeconds } };
      const update = await session.invoke('WaitForUpdatesEx', collector, args, { signal });
      progress();
      // Nothing changed for as long as the poll lasted.
      if (update === undefined) continue;
      version = update.version;
      const changed = apply(update, ref, watched);
      if (!changed || update.truncated === true) continue;
      const properties = watched.stale
        ? await readProperties(session, ref, type, paths, { signal })
        : typedProperties(type, paths, (path) => watched.valueOf(path));
      const outcome = outcomeOf(() => until(properties));
      if (outcome !== undefined) return outcome;
    }
  } finally {
    // Without the caller's signal, which may be why it ends; where it fails, the collector ends with the session.
    await session
      .invoke('DestroyPropertyCollector', collector, {}, { signal: AbortSignal.timeout(cleanupTimeoutMs) })
      .catch(() => undefined);
  }
}

function outcomeOf<R>(until: () => R | undefined): (() => R) | undefined {
  try {
    const result = until();
    return result === undefined ? undefined : () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function createFilter(
  session: VimSession,
  collector: MoRef,
  spec: Parameters<typeof session.invoke<'CreateFilter'>>[2]['spec'],
  ref: MoRef,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await session.invoke('CreateFilter', collector, { spec, partialUpdates: false }, { signal });
  } catch (error) {
    // A server that does not say what is not there means the object: the collector is a moment old.
    if (isVimFault(error, 'ManagedObjectNotFound') && objectOf(error) === undefined) throw notFound(ref);
    throw error;
  }
}

/** @returns whether the update says anything of the object */
function apply(update: NonNullable<MethodResult<'WaitForUpdatesEx'>>, ref: MoRef, watched: WatchedProperties): boolean {
  const updates = (update.filterSet ?? [])
    .flatMap(({ objectSet = [] }) => objectSet)
    .filter(({ obj }) => obj.value === ref.value);
  for (const { kind, changeSet = [], missingSet = [] } of updates) {
    if (kind === 'leave') throw notFound(ref);
    const missing = missingSet[0];
    if (missing !== undefined) throw missingPropertyFault('WaitForUpdatesEx', missing);
    for (const change of changeSet) watched.apply(change);
  }
  return updates.length > 0;
}
