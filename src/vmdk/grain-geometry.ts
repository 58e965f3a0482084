import { Flag, NUMBERS_PER_SECTOR, SECTOR } from './format.js';
import type { SparseHeader } from './header.js';

/** What a header's numbers mean for the grains and their tables. */
export interface GrainGeometry {
  /** Bytes in a grain. */
  readonly grainBytes: number;
  /** Grains the disk has room for. */
  readonly grains: number;
  /** Grain tables the disk has room for: entries in the grain directory. */
  readonly tables: number;
  /** Entries in a grain table, and the sectors they take. */
  readonly entriesPerTable: number;
  readonly tableSectors: number;
  /** The lowest sector at which a grain can be. */
  readonly firstSector: number;
  /** Whether an entry of 1 stands for a grain of zeros that is not stored. */
  readonly zeroedGrainEntries: boolean;
}

export function grainGeometry(header: SparseHeader): GrainGeometry {
  const { capacity, grainSize, entriesPerTable, overHead, flags } = header;
  const grains = Math.ceil(capacity / grainSize);
  return {
    grainBytes: grainSize * SECTOR,
    grains,
    tables: Math.ceil(grains / entriesPerTable),
    entriesPerTable,
    tableSectors: entriesPerTable / NUMBERS_PER_SECTOR,
    firstSector: overHead,
    zeroedGrainEntries: (flags & Flag.zeroedGrainEntries) !== 0,
  };
}
