/** The volume type's extra spec that says how a disk's space is reserved (Cinder). */
export const provisioningSpec = 'vmware:vmdk_type';
/** The one that says by which controller a disk is attached (Cinder, since 2.0.0 of its driver). */
export const adapterTypeSpec = 'vmware:adapter_type';
/** The one that names its storage policy (Cinder). */
export const storageProfileSpec = 'vmware:storage_profile';

/** Also those of operations that only Cinder has. */
const knownSpecs = [provisioningSpec, adapterTypeSpec, storageProfileSpec, 'vmware:clone_type'];

/** What two spellings may differ in and still be one key's. */
const furthestMisspelling = 2;

/**
 * What to warn about: a misspelt extra spec would do nothing in silence. Extra specs of other prefixes are other drivers'
 * business, unless they look like one of ours.
 */
export function specWarnings(extraSpecs: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(extraSpecs).flatMap((key) => {
    if (knownSpecs.includes(key)) return [];
    const meant = knownSpecs.find((known) => isMisspelt(key, known));
    if (meant !== undefined)
      return [`extra spec ${key.slice(0, 80)} is not known and does nothing: ${meant} is meant, it seems`];
    return /^vmware\b/i.test(key) ? [`extra spec ${key.slice(0, 80)} is not known and does nothing`] : [];
  });
}

function isMisspelt(key: string, known: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');
  const unprefixed = known.replace(/^vmware:/, '');
  return (
    plain(key) === plain(known) ||
    plain(key) === plain(unprefixed) ||
    (Math.abs(key.length - known.length) <= furthestMisspelling && distance(key, known) <= furthestMisspelling)
  );
}

/** How many letters have to be changed, added or removed to make one text of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [column, otherLetter] of Array.from(other).entries()) {
      const changed = (row[column] ?? 0) + (letter === otherLetter ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
