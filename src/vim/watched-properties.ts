import type { VimObject } from './schema/index.js';

/**
 * The properties of one watched object, as updates bring them. A server reports a change of a property by its path as it
 * was asked for, by a longer path for a change inside of it, or by a shorter one for a change of what it is part of.
 */
export class WatchedProperties {
  readonly #paths: readonly string[];
  readonly #values = new Map<string, unknown>();
  /** Whether a change came that only reading the properties anew can follow. */
  stale = false;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  valueOf(path: string): unknown {
    return this.#values.get(path);
  }

  apply({ name, op, val }: VimObject<'PropertyChange'>): void {
    const removed = op === 'remove' || op === 'indirectRemove' || val === undefined;
    // An element of an array, by its key: `config.hardware.device[2000]`.
    if (name.includes('[') || op === 'add') {
      this.stale = true;
      return;
    }
    for (const path of this.#paths) {
      if (path === name) this.#set(path, removed ? undefined : val);
      else if (path.startsWith(`${name}.`)) this.#set(path, removed ? undefined : fieldAt(val, below(path, name)));
      else if (name.startsWith(`${path}.`)) {
        this.#set(path, withFieldAt(this.#values.get(path), below(name, path), removed ? undefined : val));
      }
    }
  }

  #set(path: string, value: unknown): void {
    if (value === undefined) this.#values.delete(path);
    else this.#values.set(path, value);
  }
}

function below(path: string, base: string): readonly string[] {
  return path.slice(base.length + 1).split('.');
}

function fieldAt(value: unknown, fields: readonly string[]): unknown {
  return fields.reduce((inner, field) => (isRecord(inner) ? inner[field] : undefined), value);
}

function withFieldAt(value: unknown, [field, ...rest]: readonly string[], fieldValue: unknown): unknown {
  if (field === undefined) return fieldValue;
  const record = isRecord(value) ? value : {};
  return { ...record, [field]: withFieldAt(record[field], rest, fieldValue) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
