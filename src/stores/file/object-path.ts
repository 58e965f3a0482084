import { InvalidInputError } from '../../errors/index.js';

/** The longest name common file systems take, in bytes. */
const maxNameBytes = 255;

/** Device names that Windows takes for themselves in every directory and with every extension. */
const windowsDevice = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/;

/**
 * A key as a path below the store's directory: `a-z`, `0-9`, `-`, `_` and dots within a segment stand for themselves, every other byte of its
 * UTF-8 is written as `%` and two digits. Upper case is encoded too, so that two keys never share a file where the file system ignores
 * case; so is what Windows would take for something else.
 *
 * @throws InvalidInputError where a segment is too long for a file name
 */
export function objectPath(key: string): string {
  const names = key.split('/').map(encodeSegment);
  if (names.some((name) => name.length > maxNameBytes)) {
    throw new InvalidInputError('key', `has a segment that takes more than ${maxNameBytes} bytes as a file name`);
  }
  return names.join('/');
}

function encodeSegment(segment: string): string {
  const encoded = encodeURIComponent(segment)
    .replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())
    .replace(/[A-Z!~*'()]|^\.|\.$/g, escaped);
  return windowsDevice.test(encoded) ? encoded.replace(/^./, escaped) : encoded;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}

/** The segment that a file's or directory's name stands for; undefined for one that is not the store's. */
export function segmentOf(name: string): string | undefined {
  try {
    const segment = decodeURIComponent(name);
    return encodeSegment(segment) === name ? segment : undefined;
  } catch {
    return undefined;
  }
}
