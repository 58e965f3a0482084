import { fault } from '../fault.js';

const MAX_LENGTH = 80;

/**
 * A name as the inventory keeps it: `%`, `/` and `\` escaped, unless they are part of an escape already.
 *
 * @throws Fault InvalidName where it is empty or longer than 80 characters
 */
export function entityName(name: string): string {
  const escaped = name
    .replaceAll(/%(?!25|2f|5c)/gi, '%25')
    .replaceAll('/', '%2f')
    .replaceAll('\\', '%5c');
  if (name === '' || plainName(escaped).length > MAX_LENGTH) {
    throw fault('InvalidName', { name }, `The name "${name}" is not valid`);
  }
  return escaped;
}

/** The name without escapes. */
export function plainName(name: string): string {
  return name.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\').replaceAll('%25', '%');
}

/** The name as a directory or file in a datastore may have it. */
export function fileNameFor(name: string): string {
  return plainName(name).replaceAll(/[/\\[\]:*?"<>|]/g, '_');
}
