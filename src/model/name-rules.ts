/** vCenter allows 80 characters in the name of a VM or a folder. */
const longestName = 80;

/**
 * Why a VM or a folder cannot have a name; `undefined` where it can. To be asked before anything is made: the server refuses it
 * only when the folders it is to lie in are there.
 */
export function whyNotAName(name: string): string | undefined {
  // Nobody promises whether the limit is for the name or for the form it is kept in, with these escaped.
  const { length } = name.replace(/[%/\\]/g, '%25');
  if (length > longestName) return `has ${length} characters where vCenter allows ${longestName}`;
  // It becomes a folder's name in the datastore.
  if (name === '.' || name === '..') return 'names a folder itself, or the one above it';
  return whyNotText(name);
}

/** Why a text would not come back from the server as it was sent; `undefined` where it would. */
export function whyNotText(text: string): string | undefined {
  if (/[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(text)) return 'has characters that XML cannot carry';
  if (text.trim() !== text) return 'begins or ends with a blank';
  return undefined;
}
