import { InvalidInputError } from '../errors/index.js';

/** The longest key of a new backup. With what the file names add to it, they stay below the 255 bytes of common file systems. */
const maxNewKeyLength = 160;

/** The longest key there is: names added less once. */
const maxKeyLength = 180;

/** Device names that Windows takes for themselves in every directory and with every extension. */
const windowsDevice = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * A backup's id as the part of a file name: `a-z`, `0-9`, `-` and `_` stand for themselves, every other byte of its UTF-8
 * is written as `%` and two digits.
 *
 * Upper case is encoded too, so that two ids never share a file where the file system ignores case; and so is the dot, which
 * separates the parts of a file name. What only a mistake or an attack would hold is refused rather than encoded.
 *
 * @throws InvalidInputError for `backup.id`
 */
export function backupKey(id: string): string {
  return keyOf(id, maxKeyLength);
}

/** The key of a backup that is to be stored: it has to be shorter than those that were stored once. */
export function newBackupKey(id: string): string {
  return keyOf(id, maxNewKeyLength);
}

/** The id of the backup that a key is of; the key itself where no id has it. */
export function idOf(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function keyOf(id: string, maxLength: number): string {
  if (id === '') throw refused('must not be empty');
  if (id.startsWith('.')) throw refused('must not begin with a dot');
  if (/[/\\]/.test(id)) throw refused('must not hold a path separator');
  if (/\p{Cc}/u.test(id)) throw refused('must not hold control characters');
  if (windowsDevice.test(id)) throw refused('must not be the name of a Windows device');
  const key = encode(id);
  if (key.length > maxLength) {
    throw refused(`is too long: ${key.length} characters as a file name, at most ${maxLength} can be`);
  }
  return key;
}

function encode(id: string): string {
  try {
    return encodeURIComponent(id)
      .replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())
      .replace(/[A-Z.!~*'()]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  } catch (cause) {
    throw refused('must be well-formed Unicode', cause);
  }
}

function refused(message: string, cause?: unknown): InvalidInputError {
  return new InvalidInputError('backup.id', message, { cause });
}
