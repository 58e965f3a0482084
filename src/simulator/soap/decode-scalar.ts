import type { ScalarType } from '../../vim/schema/index.js';

const INT = 2 ** 31;
const number = /^[+-]?\d+$/;
const dateTime = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * Reads a scalar by the rules of XML Schema: white space around numbers, booleans and dates does not count.
 *
 * @returns undefined where the text is no value of the type
 */
export function decodeScalar(type: Exclude<ScalarType, 'any'>, text: string): string | number | boolean | undefined {
  const trimmed = text.trim();
  switch (type) {
    case 'string':
      return text;
    case 'boolean':
      if (trimmed === 'true' || trimmed === '1') return true;
      return trimmed === 'false' || trimmed === '0' ? false : undefined;
    case 'int': {
      const value = number.test(trimmed) ? Number(trimmed) : NaN;
      return value >= -INT && value < INT ? value : undefined;
    }
    case 'long': {
      const value = number.test(trimmed) ? Number(trimmed) : NaN;
      return Number.isSafeInteger(value) ? value : undefined;
    }
    case 'dateTime':
      return dateTime.test(trimmed) ? trimmed : undefined;
  }
}
