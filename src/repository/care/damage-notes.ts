import type { ObjectStore } from '../../stores/object-store.js';
import { tryDelete } from '../../stores/try-delete.js';
import { untilAborted } from '../../until-aborted.js';
import { damageKey, damagePrefix, leasePrefix } from '../format/names.js';

/** The notes on broken packs: the next backup of a volume stores anew what is in these. */
export class DamageNotes {
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal | undefined;
  /** Packs with a note of an earlier verification's that nothing was said of yet. */
  readonly #earlier: Set<string>;
  /** Whether a backup was running, which may come to need what no backup that is there does. */
  readonly #isAnyRunning: boolean;
  readonly #outdated: string[] = [];

  private constructor(
    store: ObjectStore,
    earlier: Set<string>,
    isAnyRunning: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#earlier = earlier;
    this.#isAnyRunning = isAnyRunning;
    this.#signal = signal;
  }

  /** To be asked for before the backups are: what is noted later may be of a backup that is not seen. */
  static async find(store: ObjectStore, signal: AbortSignal | undefined): Promise<DamageNotes> {
    const earlier = new Set<string>();
    for await (const { key } of store.list(damagePrefix, { signal })) earlier.add(key.slice(damagePrefix.length));
    // Before the backups, too: one that commits meanwhile is then seen by its lease or by its record.
    const leases: string[] = [];
    for await (const { key } of store.list(leasePrefix, { signal })) leases.push(key);
    return new DamageNotes(store, earlier, leases.length > 0, signal);
  }

  /** Notes that a pack is broken. */
  async put(pack: string, problem: string): Promise<void> {
    this.#earlier.delete(pack);
    await this.#store.put(damageKey(pack), Buffer.from(problem), { signal: this.#signal });
  }

  /** Says that a pack was read to its last byte, and is whole. */
  whole(pack: string): void {
    if (this.#earlier.delete(pack)) this.#outdated.push(damageKey(pack));
  }

  /**
   * Removes the notes of packs that are whole again and, where no backup was running, of those that no backup needs. One that stays costs
   * no more than that some grains are stored anew.
   *
   * @param needed ids of packs; undefined where not all that are needed are known
   */
  async removeOutdated(needed: ReadonlySet<string> | undefined): Promise<void> {
    const isKnown = needed !== undefined && !this.#isAnyRunning;
    const unneeded = isKnown ? [...this.#earlier].filter((pack) => !needed.has(pack)).map(damageKey) : [];
    const keys = [...this.#outdated, ...unneeded];
    if (keys.length > 0) await untilAborted(tryDelete(this.#store, keys), this.#signal);
  }
}
