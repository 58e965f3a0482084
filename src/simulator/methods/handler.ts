import type { MethodArgs, MethodName, MethodResult } from '../../vim/schema/index.js';
import type { Caller } from '../caller.js';
import type { ManagedObject } from '../managed-object.js';
import type { World } from '../world.js';

/** Does what a method does. It is called with a target of the right type and arguments that were checked. */
export type Handler<M extends MethodName> = (
  world: World,
  target: ManagedObject,
  args: MethodArgs<M>,
  caller: Caller,
) => MethodResult<M> | Promise<MethodResult<M>>;

/** The handlers of some methods. */
export type Handlers<M extends MethodName> = { readonly [K in M]: Handler<K> };

/** A method's target as the class its type stands for. */
export function as<T extends ManagedObject>(kind: abstract new (...args: never[]) => T, target: ManagedObject): T {
  if (!(target instanceof kind)) throw new Error(`a ${target.type} is no ${kind.name}`);
  return target;
}
