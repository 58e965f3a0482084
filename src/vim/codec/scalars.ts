import { Misfit } from './misfit.js';

/**
 * Reads an `xsd:int` or `xsd:long`. One that a JavaScript number does not hold exactly, such as the 8 EiB that an NFS share
 * may report as its capacity, becomes the nearest that it does.
 *
 * @throws Misfit where it is no integer
 */
export function parseInteger(text: string): number {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) throw new Misfit('is no integer');
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(trimmed)));
}

/**
 * Reads an `xsd:boolean`.
 *
 * @throws Misfit where it is none
 */
export function parseBoolean(text: string): boolean {
  switch (text.trim()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new Misfit('is no boolean');
  }
}
