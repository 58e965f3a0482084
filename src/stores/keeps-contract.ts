import type { ObjectStore } from './object-store.js';

/** A method of the prototypes of this package's own stores, in whichever of its copies: they keep the contract, and need no guard. */
export const keepsContract: unique symbol = Symbol.for('vmdk-driver/keeps-store-contract');

/** Whether a store is one of this package's own as it is: none of a class that extends one, and with none of its methods replaced. */
export function isOwnStore(store: ObjectStore): boolean {
  const prototype: unknown = Object.getPrototypeOf(store);
  const isOwn = typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, keepsContract);
  return isOwn && !['put', 'get', 'stat', 'list', 'delete'].some((name) => Object.hasOwn(store, name));
}
