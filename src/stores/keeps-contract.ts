import { types } from 'node:util';
import type { ObjectStore } from './object-store.js';

/** A method of the prototypes of this package's own stores, in whichever of its copies: they keep the contract, and need no guard. */
export const keepsContract: unique symbol = Symbol.for('vmdk-driver/keeps-store-contract');

/** Whether a store is one of this package's own as it is: none of a class that extends one, and with none of its methods replaced. */
export function isOwnStore(store: ObjectStore): boolean {
  // It answers as what it stands before, and does as it likes.
  if (types.isProxy(store)) return false;
  const prototype: unknown = Object.getPrototypeOf(store);
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, keepsContract)) return false;
  const methods = ['put', 'get', 'stat', 'list', 'delete', 'extendRetention'];
  return !methods.some((name) => name in prototype && Object.hasOwn(store, name));
}
