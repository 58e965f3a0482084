import { RepositoryDamagedError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import type { BlobAddress } from '../format/blob.js';
import type { PackRecord } from '../format/pack.js';
import type { Root } from '../format/root.js';
import { MapReader } from '../read/map-reader.js';
import { PackReader } from '../read/pack-reader.js';
import type { Repository } from '../repository.js';
import { BlobSet } from './blob-set.js';
import { doubtfulRoots, liveRoots } from './live-objects.js';

/** What backups need of packs of grains. */
export interface NeededGrains {
  /** What live backups refer to. */
  readonly live: BlobSet;
  /** What others refer to that may be needed, and live ones do not. */
  readonly doubtful: BlobSet;
  /** The packs that live backups refer to, by id. */
  readonly packs: ReadonlyMap<string, PackRecord>;
  /** Ids of packs of which it cannot be told what others refer to. */
  readonly untold: ReadonlySet<string>;
}

/**
 * Reads the map of every backup that is live, or may be. Pages that backups share are read once.
 *
 * @param ended leases that count no more
 * @param ripe keys that were marked a grace ago
 * @returns undefined where a root that may be needed cannot be read
 */
export async function findNeededGrains(
  repository: Repository,
  ended: ReadonlySet<string>,
  ripe: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<NeededGrains | undefined> {
  const maps = new Maps(repository, signal);
  const [live, doubtful] = [new BlobSet(), new BlobSet()];
  const roots = new Set<string>();
  const packs = new Map<string, PackRecord>();
  for await (const { key, root } of liveRoots(repository, ended, signal)) {
    roots.add(key);
    for (const pack of root.dataPacks) packs.set(pack.id, pack);
    await maps.addGrains(root, live);
  }
  const untold = new Set<string>();
  for await (const { root } of doubtfulRoots(repository, roots, ripe, signal)) {
    if (root === undefined) return undefined;
    try {
      await maps.addGrains(root, doubtful);
    } catch (error) {
      // Of an attempt that was given up, the packs may be gone before the root is.
      if (!(error instanceof RepositoryDamagedError)) throw error;
      for (const { id } of root.dataPacks) untold.add(id);
    }
  }
  return { live, doubtful, packs, untold };
}

/** The maps of backups, one after the other. */
class Maps {
  readonly #repository: Repository;
  readonly #signal: AbortSignal | undefined;
  readonly #turns = new EventLoopTurns();
  /** Pages that were read. */
  readonly #seen = new BlobSet();

  constructor(repository: Repository, signal: AbortSignal | undefined) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /**
   * Adds the grains that a backup's map refers to, but for those on pages that were read for another.
   *
   * @throws RepositoryDamagedError where a page cannot be read
   */
  async addGrains({ pages, mapPacks }: Root, grains: BlobSet): Promise<void> {
    const { store, vault } = this.#repository;
    const unseen = new Map<number, BlobAddress>();
    for (const [number, address] of pages) {
      await this.#turns.pause();
      if (!this.#seen.has(address)) unseen.set(number, address);
    }
    const reader = new PackReader({ store, vault, kind: 'map', packs: mapPacks, signal: this.#signal });
    const map = new MapReader({ pages: unseen }, reader);
    for (const [number, address] of unseen) {
      for (const grain of (await map.page(number)) ?? []) if (grain !== undefined) grains.add(grain);
      // Not before: where it cannot be read, another backup's map may have it too.
      this.#seen.add(address);
    }
  }
}
