import type { TypeSpec } from '../../vim/schema/index.js';

/** A value for an `xsd:anyType` element, with the type it was declared with where it comes from. */
export class TypedValue {
  readonly spec: TypeSpec;
  readonly value: unknown;

  constructor(spec: TypeSpec, value: unknown) {
    this.spec = spec;
    this.value = value;
  }
}
