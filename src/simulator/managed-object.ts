import type { MoRef, TypeSpec } from '../vim/schema/index.js';
import { isA, type ManagedTypeName } from './managed-types.js';
import type { Session } from './session.js';

/** How one property of a managed object type is declared and read. */
export interface PropertyDefinition<T> {
  readonly spec: TypeSpec;
  /** Its value now, as `viewer` sees it; undefined where it is unset. */
  readonly get: (object: T, viewer: Session) => unknown;
}

/** The properties of a managed object type, by name. */
export type PropertyTable<T> = Readonly<Record<string, PropertyDefinition<T>>>;

/** An object a client can refer to and call methods on. */
export abstract class ManagedObject {
  readonly type: ManagedTypeName;
  readonly id: string;

  constructor(type: ManagedTypeName, id: string) {
    this.type = type;
    this.id = id;
  }

  get ref(): MoRef {
    return { type: this.type, value: this.id };
  }

  isA(base: string): boolean {
    return isA(this.type, base);
  }
}

/** A managed object without properties of its own: a manager. */
export class Manager extends ManagedObject {}
