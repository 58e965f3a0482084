import * as z from 'zod';
import { RepositoryDamagedError } from '../../errors/index.js';

/** What a running backup says of itself: `writers/<attempt>.json`, put anew again and again while it lives. */
export interface Lease {
  readonly volumeId: string;
  readonly backupId: string;
  /** The backup whose packs the running one may come to refer to. */
  readonly parent?: { readonly backupId: string; readonly attempt: string } | undefined;
  /** Counts the signs of life. */
  readonly beat: number;
}

const leaseSchema = z.object({
  volumeId: z.string().min(1),
  backupId: z.string().min(1),
  parent: z.object({ backupId: z.string().min(1), attempt: z.string().regex(/^[0-9a-f]{24}$/) }).optional(),
  beat: z.int().nonnegative(),
});

/**
 * Reads a lease.
 *
 * @param key the object's key, for errors
 * @throws RepositoryDamagedError where it is none
 */
export function parseLease(bytes: Buffer, key: string): Lease {
  try {
    return leaseSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RepositoryDamagedError(`${key} is not the lease of a backup`, { cause: error });
  }
}
