import type { EnumerationName } from './enumerations.js';
import type { MethodName, methods } from './methods.js';
import type { ObjectTypeName, objectTypes } from './object-types.js';
import type { ManagedType, properties } from './properties.js';

/** A `ManagedObjectReference`: the server's handle of one managed object. */
export interface MoRef<T extends string = string> {
  /** The managed object's type, such as `VirtualMachine`. */
  readonly type: T;
  /** The server's id of it, such as `vm-42`. */
  readonly value: string;
}

type Definition<N extends ObjectTypeName> = (typeof objectTypes)[N];
type FieldsOf<N extends ObjectTypeName> = Definition<N>['fields'];
type BaseOf<N extends ObjectTypeName> = Definition<N> extends { base: infer B extends ObjectTypeName } ? B : never;
type IsA<N extends ObjectTypeName, B extends ObjectTypeName> = N extends B
  ? true
  : [BaseOf<N>] extends [never]
    ? false
    : IsA<BaseOf<N>, B>;

/** A type's own name and the names of every type that extends it. */
export type SubtypeOf<B extends ObjectTypeName> = {
  [N in ObjectTypeName]: IsA<N, B> extends true ? N : never;
}[ObjectTypeName];

/** The value of one type without array and optional marks. */
type Single<T extends string> = T extends 'string' | 'dateTime' | EnumerationName
  ? string
  : T extends 'boolean'
    ? boolean
    : T extends 'int' | 'long'
      ? number
      : T extends 'any'
        ? unknown
        : T extends 'ref'
          ? MoRef
          : T extends ObjectTypeName
            ? VimObject<T>
            : never;

/** The TypeScript type of a value declared by a {@link TypeSpec}, its `?` left aside. */
export type ValueOf<S extends string> = S extends `${infer R}?`
  ? ValueOf<R>
  : S extends `${infer E}[]`
    ? readonly Single<E>[]
    : Single<S>;

type RequiredKeys<F> = { [K in keyof F]: F[K] extends `${string}?` ? never : K }[keyof F];
type OptionalKeys<F> = { [K in keyof F]: F[K] extends `${string}?` ? K : never }[keyof F];

/** An object with the given fields, those marked `?` optional. */
export type Struct<F> = {
  readonly [K in RequiredKeys<F>]: F[K] extends string ? ValueOf<F[K]> : never;
} & {
  readonly [K in OptionalKeys<F>]?: F[K] extends string ? ValueOf<F[K]> : never;
};

type AllFields<N extends ObjectTypeName> = ([BaseOf<N>] extends [never] ? unknown : AllFields<BaseOf<N>>) &
  Struct<FieldsOf<N>>;

type Tagged<N extends ObjectTypeName> = N extends ObjectTypeName ? { readonly _type: N } & AllFields<N> : never;

/**
 * A value of a vim25 data object type. Where other types extend it, the value says by `_type` which of them it is
 * (`xsi:type` on the wire).
 */
export type VimObject<N extends ObjectTypeName> = [SubtypeOf<N>] extends [N]
  ? { readonly _type?: N } & AllFields<N>
  : Tagged<SubtypeOf<N>>;

/** The arguments of a method, by parameter name. */
export type MethodArgs<M extends MethodName> = Struct<(typeof methods)[M]['params']>;

/** What a method returns; `undefined` where the reply is empty. */
export type MethodResult<M extends MethodName> = (typeof methods)[M] extends { returns: infer R extends string }
  ? R extends `${string}?`
    ? ValueOf<R> | undefined
    : ValueOf<R>
  : undefined;

/** A property path of a managed object type. */
export type PropertyPath<T extends ManagedType> = keyof (typeof properties)[T] & string;

/** The properties read from a managed object; those the server may leave out are optional. */
export type PropertiesOf<T extends ManagedType, P extends PropertyPath<T>> = Struct<Pick<(typeof properties)[T], P>>;
