import { VimFault, VimProtocolError } from '../errors/index.js';
import { conform } from './codec/index.js';
import { mainThread } from './main-thread.js';
import { isAbout } from './said-gone.js';
import {
  type ManagedType,
  type MoRef,
  properties,
  type PropertiesOf,
  type PropertyPath,
  type TypeSpec,
  type VimObject,
} from './schema/index.js';

/** What a server says of one object it was asked about. */
export type ObjectAnswer<T extends ManagedType, P extends PropertyPath<T>> =
  | { readonly kind: 'read'; readonly properties: PropertiesOf<T, P> }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly error: VimFault | VimProtocolError };

/** The spec of some properties of a type. */
export function propertySpec(type: ManagedType, paths: readonly string[]): VimObject<'PropertySpec'> {
  return { type, all: false, pathSet: paths };
}

/**
 * A reply, or `undefined` where it is one that a server gives to a session which has ended: properties that cannot be read for
 * want of one, or nothing but the object at which a traversal was to begin and which it was to skip. A session in between has
 * most likely been renewed then, and seen to it that the reply never gets here; nothing here relies on that.
 */
export function heard(
  { objectSet }: Pick<VimObject<'PropertyFilterSpec'>, 'objectSet'>,
  page: VimObject<'RetrieveResult'> | undefined,
): VimObject<'RetrieveResult'> | undefined {
  const skipped = new Set(objectSet.flatMap(({ obj, skip }) => (skip === true ? [obj.value] : [])));
  const isSilence = ({ obj, propSet = [], missingSet = [] }: VimObject<'ObjectContent'>): boolean =>
    missingSet.some(({ fault: { fault } }) => fault._type === 'NotAuthenticated') ||
    (skipped.has(obj.value) && propSet.length === 0);
  return page?.objects.some(isSilence) === true ? undefined : page;
}

/** What the server's answer about one object says. */
export async function answerOf<T extends ManagedType, P extends PropertyPath<T>>(
  type: T,
  paths: readonly P[],
  { obj, propSet = [], missingSet = [] }: VimObject<'ObjectContent'>,
): Promise<ObjectAnswer<T, P>> {
  const isGone = missingSet.some(
    ({ fault: { fault } }) => fault._type === 'ManagedObjectNotFound' && isAbout({ detail: fault }, obj),
  );
  if (isGone) return { kind: 'gone' };
  const [missing] = missingSet;
  if (missing !== undefined) {
    const error = await mainThread.run(() => missingPropertyFault('RetrievePropertiesEx', missing));
    return { kind: 'unreadable', error };
  }
  const values = new Map(propSet.map(({ name, val }) => [name, val]));
  try {
    return { kind: 'read', properties: await typedProperties(type, paths, (path) => values.get(path)) };
  } catch (error) {
    if (error instanceof VimProtocolError) return { kind: 'unreadable', error };
    throw error;
  }
}

/**
 * Gives the values of properties the types that the schema table declares for them.
 *
 * @param valueOf the value of a property as the server sent it
 * @throws VimProtocolError
 */
export async function typedProperties<T extends ManagedType, P extends PropertyPath<T>>(
  type: T,
  paths: readonly P[],
  valueOf: (path: string) => unknown,
): Promise<PropertiesOf<T, P>> {
  const typed = await mainThread.runAll(conformAll(type, paths, valueOf));
  return typed as PropertiesOf<T, P>;
}

function* conformAll(
  type: ManagedType,
  paths: readonly string[],
  valueOf: (path: string) => unknown,
): Generator<void, Record<string, unknown>, void> {
  const specs: Readonly<Record<string, TypeSpec>> = properties[type];
  const typed: Record<string, unknown> = {};
  for (const path of paths) {
    const value = yield* conform(specs[path] ?? 'any?', valueOf(path), `${type}.${path}`);
    if (value !== undefined) typed[path] = value;
  }
  return typed;
}

/**
 * The fault for which a property could not be read.
 *
 * @param method what was called
 */
export function missingPropertyFault(method: string, { path, fault }: VimObject<'MissingProperty'>): VimFault {
  const { _type: name, ...detail } = fault.fault;
  return new VimFault(name, method, `${path}: ${fault.localizedMessage ?? 'cannot be read'}`, detail);
}

/** The fault for an object that the server says does not exist any more. */
export function notFound(ref: MoRef): VimFault {
  return new VimFault('ManagedObjectNotFound', 'RetrievePropertiesEx', `${ref.type} ${ref.value} is gone`, {
    obj: ref,
  });
}
