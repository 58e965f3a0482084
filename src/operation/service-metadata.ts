import { BackupServiceError } from '../errors/index.js';
import type { BackupMetadata } from '../model/backup-manifest.js';

/** The most JSON a service may add to a manifest, in characters: applications keep manifests in their databases. */
const longestMetadata = 1024 * 1024;
/** How deeply it may be nested; a parser may recurse. */
const deepestMetadata = 32;

/**
 * What a backup service returned of a backup, as the manifest keeps it: a copy, as JSON has it.
 *
 * Read here, and not when the manifest comes back for a restore: then it would be too late.
 *
 * @param what the service's method
 * @throws BackupServiceError where JSON cannot hold it, or not without loss; `cleanup` is `pending`, since the backup is there
 */
export function parseMetadata(what: string, value: unknown): BackupMetadata | undefined {
  if (value === undefined || value === null) return undefined;
  try {
    const copy = new JsonCopy().of(value, '', 0);
    if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return copy;
    throw new NotJson(`it is ${nameOf(value)}, not an object`);
  } catch (error) {
    // What else is thrown comes from a getter or a toJSON() of the service's.
    const reason = error instanceof NotJson ? error.message : 'it cannot be read';
    const refusal = new BackupServiceError(
      `the backup is stored, but a manifest cannot hold what ${what} returned (${reason}): mend the service, then back up again`,
      { cause: error },
    );
    refusal.cleanup = 'pending';
    throw refusal;
  }
}

class NotJson extends Error {}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Copies a value as JSON would, and refuses what JSON would lose in silence. */
class JsonCopy {
  #length = 0;

  of(value: unknown, path: string, depth: number): Json {
    switch (typeof value) {
      case 'string':
        this.#take(value.length + 2);
        return value;
      case 'boolean':
        this.#take(5);
        return value;
      case 'number':
        if (!Number.isFinite(value)) throw new NotJson(`${nameAt(path)} is ${String(value)}`);
        this.#take(String(value).length);
        return value;
      case 'object':
        this.#take(4);
        return value === null ? null : this.#ofObject(value, path, depth);
      default:
        throw new NotJson(`${nameAt(path)} is ${nameOf(value)}`);
    }
  }

  #ofObject(value: object, path: string, depth: number): Json {
    // So does a cycle end.
    if (depth === deepestMetadata)
      throw new NotJson(`it is nested more than ${deepestMetadata} levels, or in a circle`);
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      return this.of((value.toJSON as () => unknown)(), path, depth + 1);
    }
    if (Array.isArray(value)) {
      // Not `map`, which passes holes over.
      return Array.from(value, (item, index) => this.of(item, `${path}[${index}]`, depth + 1));
    }
    if (!isPlain(value)) throw new NotJson(`${nameAt(path)} is ${nameOf(value)}`);
    const copy: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__') throw new NotJson(`${nameAt(path)} has a key __proto__`);
      this.#take(key.length + 4);
      // As JSON does: an optional field that is not there.
      if (item !== undefined) copy[key] = this.of(item, path === '' ? key : `${path}.${key}`, depth + 1);
    }
    return copy;
  }

  #take(length: number): void {
    this.#length += length;
    if (this.#length > longestMetadata) throw new NotJson(`it is longer than ${longestMetadata} characters`);
  }
}

/** Also of another realm, such as a test runner's. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'))
  );
}

function nameAt(path: string): string {
  return path === '' ? 'it' : path.slice(0, 100);
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
}
