import { isVimFault, throwIfAborted, VimConnectionError } from '../errors/index.js';
import { type LeasedCollector, takeCollector } from './collector-pool.js';
import { mainThread } from './main-thread.js';
import { missingPropertyFault, propertySpec, typedProperties } from './object-content.js';
import { readProperties } from './property-collector.js';
import { missingObjectOf } from './said-gone.js';
import type { ManagedType, MethodResult, MoRef, PropertiesOf, PropertyPath } from './schema/index.js';
import { type Backoff, type Delays, waitBeforeRetry } from './session/backoff.js';
import type { AbortableOptions, VimSession } from './vim-session.js';
import { WatchedProperties } from './watched-properties.js';

/** How long one poll waits on the server for a change, in seconds. */
const maxWaitSeconds = 60;

/** How often in a row a wait picks itself up after its connection or its collector was lost. */
const recovery: Backoff = { tries: 6, firstDelayMs: 500, maxDelayMs: 30_000 };

/** How polls are spaced that the server answers with nothing before their time. */
const pacing: Delays = { firstDelayMs: 100, maxDelayMs: 30_000 };

/**
 * Watches properties of one managed object until `until` returns something, which is what it resolves with. There is no
 * limit of time: a task takes as long as it takes.
 *
 * It polls with `WaitForUpdatesEx` on a property collector that the session's waits share, one after the other. A new
 * login, which leaves collectors behind, and a connection that is lost for a while do not end the wait.
 *
 * @param until sees the properties at first and after each change. What it throws ends the wait
 * @throws VimFault ManagedObjectNotFound where the server says that the object is gone; NoPermission and the like
 * @throws VimConnectionError where the server stays unreachable, or says nothing about the object
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
    const outcome = await watch(session, { ref, type, paths, until, signal }, () => {
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
  return isVimFault(error, 'ManagedObjectNotFound') && missingObjectOf(error)?.value !== ref.value;
}

/** What is watched. */
interface Watch<T extends ManagedType, P extends PropertyPath<T>, R> {
  readonly ref: MoRef;
  readonly type: T;
  readonly paths: readonly P[];
  readonly until: (properties: PropertiesOf<T, P>) => R | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Watches with one collector, for as long as that lives.
 *
 * @returns what gives the result of `until`, or throws what `until` threw: a task's fault is no fault of the watching
 */
async function watch<T extends ManagedType, P extends PropertyPath<T>, R>(
  session: VimSession,
  { ref, type, paths, until, signal }: Watch<T, P, R>,
  progress: () => void,
): Promise<() => R> {
  const collector = await collectorFor(session, ref, type, paths, signal);
  try {
    const watched = new WatchedProperties(paths);
    let version = '';
    for (let early = 0; ;) {
      const args = { version, options: { maxWaitSeconds } };
      const askedAt = performance.now();
      const update = await session.invoke('WaitForUpdatesEx', collector.ref, args, { signal });
      const isEarly = performance.now() - askedAt < maxWaitSeconds * 500;
      progress();
      if (update !== undefined) version = update.version;
      const told = update !== undefined && (await mainThread.runAll(apply(update, ref, watched)));
      // Half an update is not judged: it is as good as none.
      const changed = told && update.truncated !== true;
      // Nothing changed for as long as the poll lasted.
      if (!changed && !isEarly) continue;
      // An answer of nothing before its time may be all that a session gets which has ended.
      const properties =
        watched.stale || !changed
          ? await readProperties(session, ref, type, paths, { signal })
          : await typedProperties(type, paths, (path) => watched.valueOf(path));
      const outcome = outcomeOf(() => until(properties));
      if (outcome !== undefined) {
        await collector.giveBack();
        return outcome;
      }
      early = changed ? 0 : early + 1;
      if (early > 0) await waitBeforeRetry(pacing, early, signal);
    }
  } catch (error) {
    await collector.discard();
    throw error;
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

/** A collector with a filter on the object. */
async function collectorFor<T extends ManagedType>(
  session: VimSession,
  ref: MoRef,
  type: T,
  paths: readonly PropertyPath<T>[],
  signal: AbortSignal | undefined,
): Promise<LeasedCollector> {
  const spec = { propSet: [propertySpec(type, paths)], objectSet: [{ obj: ref }] };
  for (;;) {
    const collector = await takeCollector(session, signal);
    try {
      await session.invoke('CreateFilter', collector.ref, { spec, partialUpdates: false }, { signal });
      return collector;
    } catch (error) {
      await collector.discard();
      // One that does not say what is not there may mean the collector: the server is asked about the object itself.
      if (isVimFault(error, 'ManagedObjectNotFound') && missingObjectOf(error) === undefined) {
        await readProperties(session, ref, type, paths, { signal });
      }
      // A collector that lay idle may have ended with its login; a fresh one tells.
      if (!collector.used || !isRecoverable(error, ref)) throw error;
    }
  }
}

/** @returns whether the update says anything of the object */
function* apply(
  update: NonNullable<MethodResult<'WaitForUpdatesEx'>>,
  ref: MoRef,
  watched: WatchedProperties,
): Generator<void, boolean, void> {
  const updates = (update.filterSet ?? [])
    .flatMap(({ objectSet = [] }) => objectSet)
    .filter(({ obj }) => obj.value === ref.value);
  for (const { kind, changeSet = [], missingSet = [] } of updates) {
    // Whether an object that left is gone, or only out of sight, tells reading it.
    watched.stale ||= kind === 'leave' || missingSet.length > 0;
    const missing = missingSet.find(({ fault: { fault } }) => fault._type !== 'ManagedObjectNotFound');
    if (missing !== undefined) throw missingPropertyFault('WaitForUpdatesEx', missing);
    for (const change of changeSet) {
      watched.apply(change);
      yield;
    }
  }
  return updates.length > 0;
}
