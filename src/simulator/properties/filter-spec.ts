import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { ManagedEntity, noPermission } from '../inventory/managed-entity.js';
import type { ManagedObject } from '../managed-object.js';
import { isManagedType } from '../managed-types.js';
import type { Registry } from '../registry.js';
import type { Session } from '../session.js';
import type { TypedValue } from '../soap/typed-value.js';
import { propertiesOf } from './property-tables.js';
import { propertySpec, readProperty } from './read-property.js';
import { type CheckedObjectSpec, checkObjectSpec, selectObjects } from './select-objects.js';

/** An object and what was asked about it. */
export interface SelectedObject {
  readonly object: ManagedObject;
  /** The values that are set, by property path. */
  readonly values: ReadonlyMap<string, TypedValue>;
  /** What could not be read, and why. */
  readonly missing: readonly VimObject<'MissingProperty'>[];
}

/** A `PropertyFilterSpec` that was found to be valid. */
export class FilterSpec {
  readonly #registry: Registry;
  readonly #viewer: Session;
  readonly #properties: readonly VimObject<'PropertySpec'>[];
  readonly #objects: readonly CheckedObjectSpec[];

  /** @throws Fault InvalidProperty, InvalidArgument, ManagedObjectNotFound */
  constructor(registry: Registry, viewer: Session, spec: VimObject<'PropertyFilterSpec'>) {
    this.#registry = registry;
    this.#viewer = viewer;
    this.#properties = spec.propSet;
    if (spec.propSet.length === 0) throw fault('InvalidArgument', { invalidProperty: 'propSet' }, 'propSet is empty');
    if (spec.objectSet.length === 0)
      throw fault('InvalidArgument', { invalidProperty: 'objectSet' }, 'objectSet is empty');
    for (const { type, pathSet } of spec.propSet) {
      if (!isManagedType(type)) {
        throw fault('InvalidArgument', { invalidProperty: 'type' }, `${type} is no managed object type`);
      }
      for (const path of pathSet ?? []) propertySpec(type, path);
    }
    this.#objects = spec.objectSet.map(checkObjectSpec);
    const lenient = spec.reportMissingObjectsInResults === true;
    for (const { obj } of spec.objectSet) {
      if (lenient || registry.find(obj) !== undefined) continue;
      throw fault('ManagedObjectNotFound', { obj }, 'The object has already been deleted or was never there');
    }
  }

  /** What it selects now. */
  evaluate(): SelectedObject[] {
    const objects = new Set<ManagedObject>();
    for (const checked of this.#objects) {
      const root = this.#registry.find(checked.spec.obj);
      if (root === undefined) continue;
      for (const object of selectObjects(this.#registry, this.#viewer, root, checked)) objects.add(object);
    }
    return [...objects].flatMap((object): SelectedObject[] => {
      const paths = this.#pathsFor(object);
      if (paths === undefined) return [];
      if (object instanceof ManagedEntity && object.access !== 'full') {
        const fault = noPermission(object).localized();
        return [{ object, values: new Map(), missing: [...paths].map((path) => ({ path, fault })) }];
      }
      return [{ object, values: readAll(object, paths, this.#viewer), missing: [] }];
    });
  }

  /** The property paths asked of an object; undefined where no property spec is about its type. */
  #pathsFor(object: ManagedObject): ReadonlySet<string> | undefined {
    const specs = this.#properties.filter(({ type }) => object.isA(type));
    if (specs.length === 0) return undefined;
    return new Set(
      specs.flatMap(({ all, pathSet }) => (all === true ? Object.keys(propertiesOf(object.type)) : (pathSet ?? []))),
    );
  }
}

function readAll(object: ManagedObject, paths: ReadonlySet<string>, viewer: Session): Map<string, TypedValue> {
  const values = new Map<string, TypedValue>();
  for (const path of paths) {
    const value = readProperty(object, path, viewer);
    if (value !== undefined) values.set(path, value);
  }
  return values;
}
