import * as z from 'zod';

/** An object of the application's whose methods are called. */
export function methods<T extends object>(names: readonly (string & keyof T)[]): z.ZodType<T> {
  return z.custom<T>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
    `must be an object with ${names.join(', ')}`,
  );
}
