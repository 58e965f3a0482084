import type { MoRef, VimObject } from '../../vim/schema/index.js';
import { parseTypeSpec } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { ManagedEntity } from '../inventory/managed-entity.js';
import type { ManagedObject } from '../managed-object.js';
import { isManagedType } from '../managed-types.js';
import type { Registry } from '../registry.js';
import type { Session } from '../session.js';
import { propertySpec, readProperty } from './read-property.js';

type Selection = VimObject<'SelectionSpec'>;
type Traversal = Extract<Selection, { readonly _type: 'TraversalSpec' }>;

/** An object spec that was checked: traversals it refers to by name are found by name. */
export interface CheckedObjectSpec {
  readonly spec: VimObject<'ObjectSpec'>;
  readonly named: ReadonlyMap<string, Traversal>;
}

/**
 * Checks an object spec's traversals.
 *
 * @throws Fault InvalidProperty, InvalidArgument
 */
export function checkObjectSpec(spec: VimObject<'ObjectSpec'>): CheckedObjectSpec {
  const named = new Map<string, Traversal>();
  const references: string[] = [];
  const visit = (selections: readonly Selection[]): void => {
    for (const selection of selections) {
      if (selection._type !== 'TraversalSpec') {
        if (selection.name === undefined) throw invalidSelection('a selection names no traversal');
        references.push(selection.name);
        continue;
      }
      checkTraversal(selection);
      if (selection.name !== undefined) named.set(selection.name, selection);
      visit(selection.selectSet ?? []);
    }
  };
  visit(spec.selectSet ?? []);
  for (const name of references) if (!named.has(name)) throw invalidSelection(`there is no traversal named ${name}`);
  return { spec, named };
}

function checkTraversal({ type, path }: Traversal): void {
  if (!isManagedType(type)) throw invalidSelection(`${type} is no managed object type`);
  if (parseTypeSpec(propertySpec(type, path)).type !== 'ref') {
    throw invalidSelection(`${type}.${path} does not lead to managed objects`);
  }
}

/** The objects an object spec selects now, each once. */
export function selectObjects(
  registry: Registry,
  viewer: Session,
  root: ManagedObject,
  { spec, named }: CheckedObjectSpec,
): ManagedObject[] {
  const selected = new Set<ManagedObject>();
  const followed = new Map<Selection, Set<ManagedObject>>();
  const pending: { object: ManagedObject; selections: readonly Selection[] }[] = [];
  if (spec.skip !== true) selected.add(root);
  pending.push({ object: root, selections: spec.selectSet ?? [] });

  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    for (const selection of step.selections) {
      const traversal = selection._type === 'TraversalSpec' ? selection : named.get(selection.name ?? '');
      if (traversal === undefined || !step.object.isA(traversal.type)) continue;
      const seen = followed.get(traversal) ?? new Set();
      followed.set(traversal, seen);
      if (seen.has(step.object)) continue;
      seen.add(step.object);
      for (const object of follow(registry, viewer, step.object, traversal.path)) {
        if (traversal.skip !== true) selected.add(object);
        if (traversal.selectSet !== undefined) pending.push({ object, selections: traversal.selectSet });
      }
    }
  }
  return [...selected];
}

function follow(registry: Registry, viewer: Session, object: ManagedObject, path: string): ManagedObject[] {
  if (object instanceof ManagedEntity && object.access !== 'full') return [];
  const value = readProperty(object, path, viewer)?.value;
  const refs = value === undefined ? [] : Array.isArray(value) ? (value as MoRef[]) : [value as MoRef];
  return refs.flatMap((ref) => {
    const found = registry.find(ref);
    return found === undefined || (found instanceof ManagedEntity && found.access === 'hidden') ? [] : [found];
  });
}

function invalidSelection(message: string) {
  return fault('InvalidArgument', { invalidProperty: 'selectSet' }, message);
}
