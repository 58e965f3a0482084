import { VimProtocolError } from '../../errors/index.js';

/**
 * Reads an `xsd:int` or `xsd:long`.
 *
 * @throws VimProtocolError where it is no integer, or one that a JavaScript number does not hold exactly
 */
export function parseInteger(text: string, path: string): number {
  const trimmed = text.trim();
  const value = Number(trimmed);
  if (!/^[+-]?\d+$/.test(trimmed)) throw new VimProtocolError(`${path}: is no integer`);
  if (!Number.isSafeInteger(value)) throw new VimProtocolError(`${path}: beyond 2^53`);
  return value;
}

/**
 * Reads an `xsd:boolean`.
 *
 * @throws VimProtocolError where it is none
 */
export function parseBoolean(text: string, path: string): boolean {
  switch (text.trim()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new VimProtocolError(`${path}: is no boolean`);
  }
}
