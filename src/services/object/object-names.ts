import { randomBytes } from 'node:crypto';

/**
 * The keys of the service's objects:
 *
 * - `backups/<key>.json`: the record; while it is there, the backup is
 * - `data/<key>/<attempt>/<number>`: the segments; they belong to the backup if its record names the attempt
 * - `attempts/<attempt>.<random>.json`: an attempt that is under way, has died, was committed in the last day, or whose backup was
 *   replaced or deleted
 * - `clock/<random>`: put to see what time it is by the store's clock, and deleted at once
 */
export const recordsPrefix = 'backups/';
export const attemptsPrefix = 'attempts/';
export const clocksPrefix = 'clock/';

const digits = 8;

export function recordName(key: string): string {
  return `${recordsPrefix}${key}.json`;
}

/** The key of the backup whose record this is; undefined for anything else. */
export function keyOfRecord(name: string): string | undefined {
  return /^backups\/([a-z0-9_%-]+)\.json$/.exec(name)?.[1];
}

/** A name no other attempt has had or will have. */
export function newAttempt(): string {
  return randomBytes(16).toString('hex');
}

export const attemptPattern = /^[0-9a-f]{32}$/;

/** A key for a note of the attempt, which no other note has had or will have. */
export function newNoteName(attempt: string): string {
  return `${notesPrefix(attempt)}${randomBytes(8).toString('hex')}.json`;
}

/** What the keys of all notes of an attempt begin with. */
export function notesPrefix(attempt: string): string {
  return `${attemptsPrefix}${attempt}.`;
}

/** The attempt that an object of `attempts/` tells of; undefined for anything else. */
export function attemptOf(name: string): string | undefined {
  return /^attempts\/([0-9a-f]{32})\.[0-9a-f]{16}\.json$/.exec(name)?.[1];
}

/** What the keys of all attempts at a backup begin with. */
export function dataPrefix(key: string): string {
  return `data/${key}/`;
}

export function segmentsPrefix(key: string, attempt: string): string {
  return `${dataPrefix(key)}${attempt}/`;
}

/** @param number counted from 0; their order is that of the keys */
export function segmentName(key: string, attempt: string, number: number): string {
  return `${segmentsPrefix(key, attempt)}${number.toString().padStart(digits, '0')}`;
}
