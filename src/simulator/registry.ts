import type { MoRef } from '../vim/schema/index.js';
import { fault } from './fault.js';
import type { ManagedObject } from './managed-object.js';

/** A class of managed objects. */
type Kind = abstract new (...args: never[]) => ManagedObject;

/** Every managed object there is, by its reference; tells who wants to know when any of them changes. */
export class Registry {
  readonly #objects = new Map<string, ManagedObject>();
  /** The objects of each class that was ever asked for: inventories are large, and most questions are about few of them. */
  readonly #byKind = new Map<Kind, Set<ManagedObject>>();
  readonly #listeners = new Set<() => void>();
  readonly #counters = new Map<string, number>();
  #scheduled = false;

  add<T extends ManagedObject>(object: T): T {
    this.#objects.set(object.id, object);
    for (const [kind, objects] of this.#byKind) if (object instanceof kind) objects.add(object);
    this.changed();
    return object;
  }

  remove(object: ManagedObject): void {
    this.#objects.delete(object.id);
    for (const objects of this.#byKind.values()) objects.delete(object);
    this.changed();
  }

  /** The object a reference names, or undefined where there is none of that type and id. */
  find(ref: MoRef): ManagedObject | undefined {
    const object = this.#objects.get(ref.value);
    return object?.isA(ref.type) === true ? object : undefined;
  }

  /**
   * The object a reference names, as an instance of a class.
   *
   * @throws Fault ManagedObjectNotFound; InvalidArgument where it is of another type
   */
  get<T extends ManagedObject>(kind: abstract new (...args: never[]) => T, ref: MoRef, argument: string): T {
    const object = this.find(ref);
    if (object === undefined) {
      throw fault('ManagedObjectNotFound', { obj: ref }, 'The object has already been deleted or was never there');
    }
    if (!(object instanceof kind)) {
      throw fault('InvalidArgument', { invalidProperty: argument }, `${argument} is a ${object.type}`);
    }
    return object;
  }

  /** Every object of a class. */
  all<T extends ManagedObject>(kind: abstract new (...args: never[]) => T): T[] {
    let objects = this.#byKind.get(kind);
    if (objects === undefined) {
      objects = new Set([...this.#objects.values()].filter((object) => object instanceof kind));
      this.#byKind.set(kind, objects);
    }
    return [...objects] as T[];
  }

  /** A new number, counted for each prefix by itself. */
  nextNumber(prefix: string, first = 1): number {
    const number = this.#counters.get(prefix) ?? first;
    this.#counters.set(prefix, number + 1);
    return number;
  }

  /** Says that some object's properties changed. Listeners are called soon after, once for any number of changes. */
  changed(): void {
    if (this.#scheduled || this.#listeners.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Calls `listener` soon after changes, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
