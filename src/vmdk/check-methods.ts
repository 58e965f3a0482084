import { InvalidInputError } from '../errors/invalid-input-error.js';
import { lackingMethod } from '../lacking-method.js';

/**
 * Checks that what somebody handed over has what is called on it, before anything is done.
 *
 * @param field - the argument that it is
 * @throws InvalidInputError that names the method at fault
 */
export function checkMethods<T extends object>(
  field: string,
  value: T,
  required: readonly (string & keyof T)[],
  optional: readonly (string & keyof T)[] = [],
): void {
  const lacking = lackingMethod(value, required, optional);
  if (lacking !== undefined) throw new InvalidInputError(lacking.method ?? field, lacking.message);
}
