import type { Backup } from '../../../src/index.js';
import type { Place } from './place.js';

/** How a client is to die: as JSON, its only argument. */
export interface Death {
  readonly place: Place;
  readonly backup: Backup;
  readonly operation: 'backup' | 'delete';
  /** Holds the bytes that are stored. */
  readonly file: string;
  /** At which call of its store; 0: at none. */
  readonly call: number;
  readonly moment: Moment;
}

export const moments = ['before', 'during', 'after'] as const;
export type Moment = (typeof moments)[number];
