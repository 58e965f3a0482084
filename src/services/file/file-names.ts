/**
 * The names of the store's files. All lie in one directory:
 *
 * - `<key>.json`: the record; while it is there, the backup is
 * - `<key>.<attempt>.vmdk`: the data; it belongs to the backup if the record names it
 * - `<key>.<attempt>.vmdk.tmp`, `<key>.<attempt>.json.tmp`: either of them while it is written
 *
 * Neither key nor attempt holds a dot, so that a name has one meaning only.
 */
export function recordFileName(key: string): string {
  return `${key}.json`;
}

export function dataFileName(key: string, attempt: string): string {
  return `${key}.${attempt}.vmdk`;
}

export function temporaryDataFileName(key: string, attempt: string): string {
  return `${key}.${attempt}.vmdk.tmp`;
}

export function temporaryRecordFileName(key: string, attempt: string): string {
  return `${key}.${attempt}.json.tmp`;
}

/** What a file of the store is. */
export type StoreFile =
  | { readonly kind: 'record'; readonly key: string }
  | { readonly kind: 'data' | 'temporary'; readonly key: string; readonly attempt: string };

const pattern = /^([a-z0-9_%-]+)(?:\.([a-z0-9-]+))?\.(json|vmdk|vmdk\.tmp|json\.tmp)$/;

/** What a file in the directory is, or undefined for one that is not the store's. */
export function parseFileName(name: string): StoreFile | undefined {
  const [, key, attempt, suffix] = pattern.exec(name) ?? [];
  if (key === undefined) return undefined;
  if (attempt === undefined) return suffix === 'json' ? { kind: 'record', key } : undefined;
  if (suffix === 'json') return undefined;
  return { kind: suffix === 'vmdk' ? 'data' : 'temporary', key, attempt };
}
