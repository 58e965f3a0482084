import { EventLoopTurns } from '../../event-loop-turns.js';
import type { BlobAddress } from '../format/blob.js';
import type { PackRecord } from '../format/pack.js';
import { MapReader } from '../read/map-reader.js';
import { PackReader } from '../read/pack-reader.js';
import type { Repository } from '../repository.js';
import { BlobSet } from './blob-set.js';
import { liveRoots } from './live-objects.js';

/** What live backups need of packs of grains. */
export interface NeededGrains {
  readonly grains: BlobSet;
  /** The packs these are in, by id. */
  readonly packs: ReadonlyMap<string, PackRecord>;
}

/**
 * Reads the map of every live backup. Pages that backups share are read once.
 *
 * @param ended leases that count no more
 */
export async function findNeededGrains(
  repository: Repository,
  ended: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<NeededGrains> {
  const { store, vault } = repository;
  const turns = new EventLoopTurns();
  const grains = new BlobSet();
  const seen = new BlobSet();
  const packs = new Map<string, PackRecord>();
  for await (const root of liveRoots(repository, ended, signal)) {
    for (const pack of root.dataPacks) packs.set(pack.id, pack);
    const unseen = new Map<number, BlobAddress>();
    for (const [number, address] of root.pages) {
      await turns.pause();
      if (seen.add(address)) unseen.set(number, address);
    }
    const reader = new PackReader({ store, vault, kind: 'map', packs: root.mapPacks, signal });
    const map = new MapReader({ pages: unseen }, reader);
    for (const number of unseen.keys()) {
      for (const grain of (await map.page(number)) ?? []) if (grain !== undefined) grains.add(grain);
    }
  }
  return { grains, packs };
}
