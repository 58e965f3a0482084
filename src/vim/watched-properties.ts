import type { VimObject } from './schema/index.js';

/**
 * The properties of one watched object, as updates bring them. A server reports a change of a property by its path as it
 * was asked for. A longer path, for a change inside of it, and a shorter one, for a change of what it is part of, are for
 * reading the properties anew: to follow them costs as much as a server likes.
 */
export class WatchedProperties {
  readonly #values: Map<string, unknown>;
  /** Whether a change came that only reading the properties anew can follow. */
  stale = false;

  constructor(paths: readonly string[]) {
    this.#values = new Map(paths.map((path) => [path, undefined]));
  }

  valueOf(path: string): unknown {
    return this.#values.get(path);
  }

  apply({ name, op, val }: VimObject<'PropertyChange'>): void {
    if (this.#values.has(name) && op !== 'add') {
      const removed = op === 'remove' || op === 'indirectRemove';
      this.#values.set(name, removed ? undefined : val);
      return;
    }
    // Of an array, an element is named by its key: `config.hardware.device[2000]`.
    for (const path of this.#values.keys()) this.stale ||= isWithin(name, path) || isWithin(path, name);
  }
}

/** Whether a path leads into what another one leads to. */
function isWithin(path: string, outer: string): boolean {
  return path.startsWith(outer) && ['.', '[', undefined].includes(path[outer.length]);
}
