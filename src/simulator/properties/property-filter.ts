import type { VimObject } from '../../vim/schema/index.js';
import { ManagedObject } from '../managed-object.js';
import { encodeField } from '../soap/encode-value.js';
import { vim25 } from '../soap/schema.js';
import type { Collector } from './collector.js';
import type { FilterSpec, SelectedObject } from './filter-spec.js';

/** What a client was told about an object: each property's value, as it was written. */
interface Told {
  readonly ref: VimObject<'ObjectUpdate'>['obj'];
  readonly values: ReadonlyMap<string, string>;
}

/** What a client was told, by object id. */
export type FilterState = ReadonlyMap<string, Told>;

/** A filter of a property collector. */
export class PropertyFilter extends ManagedObject {
  readonly collector: Collector;
  readonly spec: FilterSpec;

  constructor(id: string, collector: Collector, spec: FilterSpec) {
    super('PropertyFilter', id);
    this.collector = collector;
    this.spec = spec;
  }

  /**
   * What changed since a state, and the state after it.
   *
   * @param limit - how many objects to speak of at most
   */
  changesSince(
    before: FilterState,
    limit: number,
  ): { updates: VimObject<'ObjectUpdate'>[]; after: FilterState; truncated: boolean } {
    const updates: VimObject<'ObjectUpdate'>[] = [];
    const after = new Map(before);
    const selected = this.spec.evaluate();
    const isFull = (): boolean => updates.length === limit;
    for (const entry of selected) {
      const { id } = entry.object;
      const told = before.get(id);
      const now: Told = { ref: entry.object.ref, values: written(entry) };
      const changeSet = changes(told, now, entry);
      if (told !== undefined && changeSet.length === 0) continue;
      if (isFull()) return { updates, after, truncated: true };
      const missing = entry.missing.length === 0 ? {} : { missingSet: entry.missing };
      updates.push({ kind: told === undefined ? 'enter' : 'modify', obj: now.ref, changeSet, ...missing });
      after.set(id, now);
    }
    const present = new Set(selected.map(({ object }) => object.id));
    for (const [id, { ref }] of before) {
      if (present.has(id)) continue;
      if (isFull()) return { updates, after, truncated: true };
      updates.push({ kind: 'leave', obj: ref });
      after.delete(id);
    }
    return { updates, after, truncated: false };
  }
}

function written({ values }: SelectedObject): Map<string, string> {
  return new Map([...values].map(([path, value]) => [path, encodeField(vim25, 'val', 'any', value)]));
}

function changes(told: Told | undefined, now: Told, { values }: SelectedObject): VimObject<'PropertyChange'>[] {
  const changed = [...values].filter(([path]) => told?.values.get(path) !== now.values.get(path));
  const unset = [...(told?.values.keys() ?? [])].filter((path) => !now.values.has(path));
  return [
    ...changed.map(([name, val]) => ({ name, op: 'assign', val })),
    ...unset.map((name) => ({ name, op: 'assign' })),
  ];
}
