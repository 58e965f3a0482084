import { ENTRIES_PER_TABLE, Flag, SECTOR } from './format.js';
import type { SparseHeader } from './header.js';

/** What a header's numbers mean for the grains and their tables. */
export interface GrainGeometry {
  /** Bytes in a grain. */
  readonly grainBytes: number;
  /** Grains the disk has room for. */
  readonly grains: number;
  /** Grain tables the disk has room for: entries in the grain directory. */
  readonly tables: number;
  /** The lowest sector at which a grain can be. */
  readonly firstSector: number;
  /** Whether an entry of 1 stands for a grain of zeros that is not stored. */
  readonly zeroedGrainEntries: boolean;
}

export function grainGeometry({ capacity, grainSize, overHead, flags }: SparseHeader): GrainGeometry {
  const grains = Math.ceil(capacity / grainSize);
  return {
    grainBytes: grainSize * SECTOR,
    grains,
    tables: Math.ceil(grains / ENTRIES_PER_TABLE),
    firstSector: overHead,
    zeroedGrainEntries: (flags & Flag.zeroedGrainEntries) !== 0,
  };
}
