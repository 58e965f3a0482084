import { ownerInName } from '../../process/owner-in-name.js';
import type { Generation } from '../generations.js';

/**
 * The names of the service's files in its directory, under which the server keeps them. Neither key nor attempt holds a dot.
 *
 * - `<key>.<attempt>.vmdk`: a backup's stream
 * - `<key>.<generation>.<attempt>.json`: its record; while it is archived, the backup is there. Of several of one key, the one of the
 *   highest generation is the backup, the others were replaced
 */
export function dataOf({ key, attempt }: Pick<ArchiveName, 'key' | 'attempt'>): ArchiveName {
  return { kind: 'data', name: `${key}.${attempt}.vmdk`, key, attempt };
}

export function recordOf(key: string, generation: number, attempt: string): RecordName {
  const name = `${key}.${generation.toString().padStart(8, '0')}.${attempt}.json`;
  return { kind: 'record', name, key, attempt, generation };
}

/** By what an attempt's files are archived. Without a blank, which a script's quoting may lose; at most 254 characters. */
export function descriptionOf(key: string, attempt: string): string {
  return `vmdk-driver.${key}.${attempt}`;
}

/** What a file of the service's is. */
export type ArchiveName =
  { readonly kind: 'data'; readonly name: string; readonly key: string; readonly attempt: string } | RecordName;

/** A record's name. */
export interface RecordName extends Generation {
  readonly kind: 'record';
  readonly attempt: string;
}

/** As the source of a regular expression; it has no groups. */
export const namePattern = String.raw`[a-z0-9_%-]+\.(?:\d{8}\.)?[a-z0-9-]+\.(?:vmdk|json)`;

/** What a file of this name is; undefined for one that is not the service's: no attempt has the name `flat`. */
export function parseArchiveName(name: string): ArchiveName | undefined {
  const [, key, generation, attempt = '', suffix] =
    /^([a-z0-9_%-]+)\.(?:(\d{8})\.)?([a-z0-9-]+)\.(vmdk|json)$/.exec(name) ?? [];
  if (key === undefined || ownerInName(attempt) === undefined) return undefined;
  if ((suffix === 'json') !== (generation !== undefined)) return undefined;
  return generation === undefined
    ? { kind: 'data', name, key, attempt }
    : { kind: 'record', name, key, attempt, generation: Number(generation) };
}
