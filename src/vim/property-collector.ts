import { isVimFault, VimConnectionError, type VimFault, type VimProtocolError } from '../errors/index.js';
import { lookAgain, notShown } from './look-again.js';
import { answerOf, heard, notFound, type ObjectAnswer, propertySpec } from './object-content.js';
import { retrieve } from './retrieve.js';
import { missingObjectOf, saysGone } from './said-gone.js';
import type { ManagedType, MoRef, PropertiesOf, PropertyPath, VimObject } from './schema/index.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** A managed object and what was read of it. */
export interface ObjectProperties<T extends ManagedType, P extends PropertyPath<T>> {
  readonly ref: MoRef;
  readonly properties: PropertiesOf<T, P>;
}

/** A managed object that may exist, but of which the properties could not be read. */
export interface UnreadableObject {
  readonly ref: MoRef;
  /**
   * Why: the server's fault, such as `NoPermission`; a value that is not of its type; or, as `VimConnectionError` with
   * outcome `unknown`, that the server says nothing about the object at all.
   */
  readonly error: VimFault | VimProtocolError | VimConnectionError;
}

/** What several objects turned out to be; each is in exactly one of the lists. */
export interface EachObject<T extends ManagedType, P extends PropertyPath<T>> {
  readonly found: readonly ObjectProperties<T, P>[];
  /** Those that the server says do not exist. */
  readonly gone: readonly MoRef[];
  readonly unreadable: readonly UnreadableObject[];
}

/** Where a traversal begins and how it goes on. */
export interface Traversal {
  readonly from: MoRef;
  readonly selectSet: readonly VimObject<'SelectionSpec'>[];
}

/** Options of reads that may return many objects. */
export interface CollectOptions extends AbortableOptions {
  /** How many objects the server may put into one reply. @defaultValue 100 */
  readonly maxObjects?: number | undefined;
}

/** Options of a traversal. */
export interface TraversalOptions extends CollectOptions {
  /** Told of objects that cannot be read, which are then passed over. Without it, the first one fails the whole. */
  readonly onUnreadable?: ((object: UnreadableObject) => void) | undefined;
}

const defaultMaxObjects = 100;

type FailedAnswer = { readonly kind: 'gone' } | { readonly kind: 'unreadable'; readonly error: VimFault };

/**
 * Reads properties of one managed object.
 *
 * @throws VimFault ManagedObjectNotFound where the server says that the object is gone; NoPermission, InvalidProperty and
 *   the like where a property may not or cannot be read
 * @throws VimConnectionError with outcome `unknown` where the server says nothing about the object, though the session is
 *   alive: it may exist
 * @throws VimProtocolError where a property that is never unset is missing, or has another type
 */
export async function readProperties<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  ref: MoRef,
  type: T,
  paths: readonly P[],
  { signal }: AbortableOptions = {},
): Promise<PropertiesOf<T, P>> {
  const spec = { propSet: [propertySpec(type, paths)], objectSet: [{ obj: ref }] };
  const collector = session.serviceContent.propertyCollector;
  const look = async (): Promise<VimObject<'ObjectContent'> | undefined> => {
    const args = { specSet: [spec], options: {} };
    const result = heard(spec, await session.invoke('RetrievePropertiesEx', collector, args, { signal }));
    return result?.objects.find(({ obj }) => obj.value === ref.value);
  };
  const content = await lookAgain(session, look, { signal }).catch((error: unknown) => {
    throw ofThis(ref, error);
  });
  if (content === undefined) throw notShown(ref);
  const answer = await answerOf(type, paths, content);
  switch (answer.kind) {
    case 'read':
      return answer.properties;
    case 'gone':
      throw notFound(ref);
    case 'unreadable':
      throw ofThis(ref, answer.error);
  }
}

/**
 * Reads properties of several managed objects. Objects that the server says are gone are left out.
 *
 * @throws VimFault, VimConnectionError, VimProtocolError as {@link readProperties}, where one of them cannot be read
 */
export async function readPropertiesOfMany<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  refs: readonly MoRef[],
  type: T,
  paths: readonly P[],
  options: CollectOptions = {},
): Promise<readonly ObjectProperties<T, P>[]> {
  const { found, unreadable } = await readPropertiesOfEach(session, refs, type, paths, options);
  const [first] = unreadable;
  if (first !== undefined) throw first.error;
  return found;
}

/**
 * Reads properties of several managed objects and tells those that are gone from those that cannot be read: one object
 * without permission does not fail the rest. `maxObjects` of them are asked for at a time.
 *
 * @throws VimFault, VimConnectionError where the server answers for none of them
 */
export async function readPropertiesOfEach<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  refs: readonly MoRef[],
  type: T,
  paths: readonly P[],
  { maxObjects = defaultMaxObjects, signal }: CollectOptions = {},
): Promise<EachObject<T, P>> {
  const asked = [...new Map(refs.map((ref) => [ref.value, ref])).values()];
  const found: ObjectProperties<T, P>[] = [];
  const gone: MoRef[] = [];
  const unreadable: UnreadableObject[] = [];
  for (let at = 0; at < asked.length; at += maxObjects) {
    const batch = asked.slice(at, at + maxObjects);
    const answers = await answersFor(session, batch, type, paths, { maxObjects, signal });
    for (const ref of batch) {
      const answer = answers.get(ref.value);
      if (answer === undefined) unreadable.push({ ref, error: notShown(ref) });
      else if (answer.kind === 'read') found.push({ ref, properties: answer.properties });
      else if (answer.kind === 'gone') gone.push(ref);
      else unreadable.push({ ref, error: answer.error });
    }
  }
  return { found, gone, unreadable };
}

/**
 * Reads properties of every object of a type that a traversal reaches, one page of the server's after the other. Leaving
 * early tells the server that the rest is not wanted. A traversal that reaches nothing is repeated before it is believed.
 *
 * @throws VimFault, VimProtocolError as {@link readProperties}
 */
export async function* collectProperties<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  { from, selectSet }: Traversal,
  type: T,
  paths: readonly P[],
  { maxObjects = defaultMaxObjects, signal, onUnreadable }: TraversalOptions = {},
): AsyncGenerator<ObjectProperties<T, P>, void, void> {
  const spec = { propSet: [propertySpec(type, paths)], objectSet: [{ obj: from, skip: true, selectSet }] };
  const begin = async () => {
    const contents = retrieve(session, spec, { maxObjects, signal });
    const first = await contents.next();
    return first.done === true ? undefined : { contents, first: first.value };
  };
  const retrieval = await lookAgain(session, begin, { signal });
  if (retrieval === undefined) return;
  const { contents, first } = retrieval;
  try {
    for (let content: VimObject<'ObjectContent'> | undefined = first; content !== undefined;) {
      const { obj: ref } = content;
      const answer = await answerOf(type, paths, content);
      if (answer.kind === 'read') yield { ref, properties: answer.properties };
      else if (answer.kind === 'unreadable') {
        if (onUnreadable === undefined) throw answer.error;
        onUnreadable({ ref, error: answer.error });
      }
      const next = await contents.next();
      content = next.done === true ? undefined : next.value;
    }
  } finally {
    await contents.return();
  }
}

/** The answers for some objects, by their ids; those are missing that the server says nothing about. */
async function answersFor<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  refs: readonly MoRef[],
  type: T,
  paths: readonly P[],
  options: { readonly maxObjects: number; readonly signal: AbortSignal | undefined },
): Promise<ReadonlyMap<string, ObjectAnswer<T, P>>> {
  const answers = new Map<string, ObjectAnswer<T, P>>();
  const pending = (): MoRef[] => refs.filter(({ value }) => !answers.has(value));
  const ask = async (asked: readonly MoRef[], reportMissingObjectsInResults: boolean): Promise<void> => {
    const objectSet = asked.map((obj) => ({ obj }));
    const spec = { propSet: [propertySpec(type, paths)], objectSet, reportMissingObjectsInResults };
    try {
      for await (const content of retrieve(session, spec, options)) {
        answers.set(content.obj.value, await answerOf(type, paths, content));
      }
    } catch (error) {
      // The whole is refused for one object that is gone; some servers know no other way.
      const blamed = blamedFor(error, asked);
      if (blamed === undefined) {
        // One that does not say which one is asked about each by itself.
        if (asked.length === 1 || !isVimFault(error, 'ManagedObjectNotFound') || missingObjectOf(error)) throw error;
        for (const ref of asked) await ask([ref], false);
        return;
      }
      answers.set(blamed.ref.value, blamed.answer);
      const others = asked.filter(({ value }) => !answers.has(value));
      if (others.length > 0) await ask(others, reportMissingObjectsInResults);
    }
  };
  await lookAgain(
    session,
    async () => {
      // That way a server leaves out what is gone. But an omission proves nothing: of the rest, it must say so.
      await ask(pending(), true);
      if (pending().length > 0) await ask(pending(), false);
      return pending().length === 0 ? true : undefined;
    },
    options,
  );
  return answers;
}

/** Of the objects asked about, the one for which the server refused to answer. */
function blamedFor(error: unknown, asked: readonly MoRef[]): { ref: MoRef; answer: FailedAnswer } | undefined {
  if (!isVimFault(error, 'ManagedObjectNotFound', 'NoPermission')) return undefined;
  const gone = error.is('ManagedObjectNotFound');
  const named = gone ? missingObjectOf(error) : (error.detail['object'] as MoRef | undefined);
  const [only, ...others] = asked;
  const ref = named === undefined && others.length === 0 ? only : asked.find(({ value }) => value === named?.value);
  return ref && { ref, answer: gone ? { kind: 'gone' } : { kind: 'unreadable', error } };
}

/** A `ManagedObjectNotFound` of something else must not be taken for this object's. */
function ofThis(ref: MoRef, error: unknown): unknown {
  if (!isVimFault(error, 'ManagedObjectNotFound') || saysGone(error, ref)) return error;
  return new VimConnectionError(`${ref.type} ${ref.value} could not be read: ${error.message}`, 'unknown', {
    cause: error,
  });
}
