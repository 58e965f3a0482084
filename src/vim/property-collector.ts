import { isVimFault, VimFault } from '../errors/index.js';
import { conform } from './codec/index.js';
import {
  properties,
  type ManagedType,
  type MethodArgs,
  type MoRef,
  type PropertiesOf,
  type PropertyPath,
  type TypeSpec,
  type VimObject,
} from './schema/index.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** A managed object and what was read of it. */
export interface ObjectProperties<T extends ManagedType, P extends PropertyPath<T>> {
  readonly ref: MoRef;
  readonly properties: PropertiesOf<T, P>;
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

const defaultMaxObjects = 100;

/**
 * Reads properties of one managed object.
 *
 * @throws VimFault ManagedObjectNotFound where the object is gone; NoPermission, InvalidProperty and the like where a
 *   property may not or cannot be read
 * @throws VimProtocolError where a property that is never unset is missing, or has another type
 */
export async function readProperties<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  ref: MoRef,
  type: T,
  paths: readonly P[],
  { signal }: AbortableOptions = {},
): Promise<PropertiesOf<T, P>> {
  const specSet = [{ propSet: [propertySpec(type, paths)], objectSet: [{ obj: ref }] }];
  const collector = session.serviceContent.propertyCollector;
  const result = await session.invoke('RetrievePropertiesEx', collector, { specSet, options: {} }, { signal });
  const content = result?.objects.find(({ obj }) => obj.value === ref.value);
  if (content === undefined) throw notFound(ref);
  return propertiesOf(type, paths, content);
}

/**
 * Reads properties of several managed objects. Objects that are gone are left out.
 *
 * @throws VimFault, VimProtocolError as {@link readProperties}
 */
export async function readPropertiesOfMany<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  refs: readonly MoRef[],
  type: T,
  paths: readonly P[],
  options: CollectOptions = {},
): Promise<readonly ObjectProperties<T, P>[]> {
  let present = refs;
  while (present.length > 0) {
    try {
      const found: ObjectProperties<T, P>[] = [];
      const objectSet = present.map((obj) => ({ obj }));
      for await (const object of collect(session, objectSet, type, paths, options)) found.push(object);
      return found;
    } catch (error) {
      // Servers that do not know `reportMissingObjectsInResults` refuse the whole for one that is gone.
      const gone = isVimFault(error, 'ManagedObjectNotFound') ? (error.detail['obj'] as MoRef | undefined) : undefined;
      const others = present.filter(({ value }) => value !== gone?.value);
      if (others.length === present.length) throw error;
      present = others;
    }
  }
  return [];
}

/**
 * Reads properties of every object of a type that a traversal reaches, one page of the server's after the other. Leaving
 * early tells the server that the rest is not wanted.
 *
 * @throws VimFault, VimProtocolError as {@link readProperties}
 */
export function collectProperties<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  { from, selectSet }: Traversal,
  type: T,
  paths: readonly P[],
  options: CollectOptions = {},
): AsyncGenerator<ObjectProperties<T, P>, void, void> {
  return collect(session, [{ obj: from, skip: true, selectSet }], type, paths, options);
}

async function* collect<T extends ManagedType, P extends PropertyPath<T>>(
  session: VimSession,
  objectSet: readonly VimObject<'ObjectSpec'>[],
  type: T,
  paths: readonly P[],
  { maxObjects = defaultMaxObjects, signal }: CollectOptions,
): AsyncGenerator<ObjectProperties<T, P>, void, void> {
  const collector = session.serviceContent.propertyCollector;
  const args: MethodArgs<'RetrievePropertiesEx'> = {
    specSet: [{ propSet: [propertySpec(type, paths)], objectSet, reportMissingObjectsInResults: true }],
    options: { maxObjects },
  };
  let page = await session.invoke('RetrievePropertiesEx', collector, args, { signal });
  let token: string | undefined;
  try {
    while (page !== undefined) {
      token = page.token;
      for (const content of page.objects) {
        if (!isGone(content)) yield { ref: content.obj, properties: propertiesOf(type, paths, content) };
      }
      if (token === undefined) return;
      const next = token;
      token = undefined;
      page = await session.invoke('ContinueRetrievePropertiesEx', collector, { token: next }, { signal });
    }
  } finally {
    if (token !== undefined) {
      // Without the signal, which may be why it ends here; the server forgets the token in the end anyway.
      await session.invoke('CancelRetrievePropertiesEx', collector, { token }).catch(() => undefined);
    }
  }
}

/** The spec of some properties of a type. */
export function propertySpec(type: ManagedType, paths: readonly string[]): VimObject<'PropertySpec'> {
  return { type, all: false, pathSet: paths };
}

/**
 * Gives the values of properties the types that the schema table declares for them.
 *
 * @param valueOf the value of a property as the server sent it
 * @throws VimProtocolError
 */
export function typedProperties<T extends ManagedType, P extends PropertyPath<T>>(
  type: T,
  paths: readonly P[],
  valueOf: (path: string) => unknown,
): PropertiesOf<T, P> {
  const specs: Readonly<Record<string, TypeSpec>> = properties[type];
  const typed: Record<string, unknown> = {};
  for (const path of paths) {
    const value = conform(specs[path] ?? 'any?', valueOf(path), `${type}.${path}`);
    if (value !== undefined) typed[path] = value;
  }
  return typed as PropertiesOf<T, P>;
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

/** The fault for an object that is not there any more. */
export function notFound(ref: MoRef): VimFault {
  return new VimFault('ManagedObjectNotFound', 'RetrievePropertiesEx', `${ref.type} ${ref.value} is gone`, {
    obj: ref,
  });
}

function propertiesOf<T extends ManagedType, P extends PropertyPath<T>>(
  type: T,
  paths: readonly P[],
  { propSet = [], missingSet = [] }: VimObject<'ObjectContent'>,
): PropertiesOf<T, P> {
  const missing = missingSet[0];
  if (missing !== undefined) throw missingPropertyFault('RetrievePropertiesEx', missing);
  const values = new Map(propSet.map(({ name, val }) => [name, val]));
  return typedProperties(type, paths, (path) => values.get(path));
}

function isGone({ missingSet = [] }: VimObject<'ObjectContent'>): boolean {
  return missingSet.some(({ fault }) => fault.fault._type === 'ManagedObjectNotFound');
}
