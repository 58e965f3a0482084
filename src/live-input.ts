import * as z from 'zod';
import { lackingMethod } from './lacking-method.js';

/** What callers hand over that is no plain data. It is checked when it is handed over, not when it is first used. */

/** What a signal must be is what is done with it; one of another kind would be ignored in silence, or throw much later. */
export const signalSchema = z.custom<AbortSignal>(isAbortSignal, 'must be an AbortSignal');

/** A function of the application's that is called from time to time. */
export function callbackSchema<T extends (...args: never[]) => unknown>() {
  return z.custom<T>((value) => typeof value === 'function', 'must be a function');
}

/** An object of the application's whose methods are called. */
export function withMethods<T extends object>(
  required: readonly (string & keyof T)[],
  optional: readonly (string & keyof T)[] = [],
) {
  return z.custom<T>().superRefine((value: unknown, context) => {
    const lacking = lackingMethod(value, required, optional);
    if (lacking === undefined) return;
    context.addIssue({
      code: 'custom',
      path: lacking.method === undefined ? [] : [lacking.method],
      message: lacking.message,
    });
  });
}

/** By its own getter, which takes no other object for one: what only looks like one fails where signals are joined. */
function isAbortSignal(value: unknown): boolean {
  try {
    return typeof isAborted?.call(value) === 'boolean';
  } catch {
    return false;
  }
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with another `this`
const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get;
