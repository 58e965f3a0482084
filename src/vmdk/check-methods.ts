import { InvalidInputError } from '../errors/invalid-input-error.js';

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
  const given: unknown = value;
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) {
    throw new InvalidInputError(field, 'must be an object');
  }
  for (const name of [...required, ...optional]) {
    const method = (given as Readonly<Record<string, unknown>>)[name];
    if (typeof method === 'function' || (method === undefined && !required.includes(name))) continue;
    throw new InvalidInputError(name, 'must be a function');
  }
}
