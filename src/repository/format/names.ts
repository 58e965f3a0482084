import { createHash } from 'node:crypto';

/** Where the repository says what it is. */
export const repositoryKey = 'repository.json';
/** Where the wrapped keys of an encrypted repository lie. */
export const keysPrefix = 'keys/';
/** Where the leases of running backups lie. */
export const leasePrefix = 'writers/';
/** Where garbage collection keeps what it has marked. */
export const marksPrefix = 'gc/';
/** Where volumes and their backups lie. */
export const volumesPrefix = 'volumes/';
/** Where verification notes broken packs. */
export const damagePrefix = 'damaged/';

/** Ids that are their own name in a store's keys, also where it ignores case; others are hashed. */
const plainId = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** An id as a segment of a key: itself behind `i-`, or its SHA-256 behind `h-`. */
function segment(id: string): string {
  return plainId.test(id) ? `i-${id}` : `h-${createHash('sha256').update(id).digest('hex')}`;
}

/** What all keys of a volume begin with. */
export function volumePrefix(volumeId: string): string {
  return `${volumesPrefix}${segment(volumeId)}/`;
}

/** What all keys of a backup begin with. */
export function backupPrefix(volumeId: string, backupId: string): string {
  return `${volumePrefix(volumeId)}${segment(backupId)}/`;
}

/** The object whose being there makes a backup. */
export function recordKey(volumeId: string, backupId: string): string {
  return `${backupPrefix(volumeId, backupId)}manifest.json`;
}

/** Whether a key is that of a backup's record. */
export function isRecordKey(key: string): boolean {
  return /^volumes\/[^/]+\/[^/]+\/manifest\.json$/.test(key);
}

/** The root of one attempt at a backup. */
export function rootKey(volumeId: string, backupId: string, attempt: string): string {
  return `${backupPrefix(volumeId, backupId)}${attempt}/root`;
}

/** The attempt a root's key names; undefined where it is none. */
export function attemptOfRootKey(key: string): string | undefined {
  return /^volumes\/[^/]+\/[^/]+\/([0-9a-f]{24})\/root$/.exec(key)?.[1];
}

export function leaseKey(attempt: string): string {
  return `${leasePrefix}${attempt}.json`;
}

export function damageKey(pack: string): string {
  return `${damagePrefix}${pack}`;
}
