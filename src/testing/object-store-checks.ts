import type { ObjectStore } from '../stores/object-store.js';
import { type Check, runnable } from './check.js';
import { aborting } from './object-store/aborting.js';
import { conditions } from './object-store/conditions.js';
import { listingAndDeleting } from './object-store/listing.js';
import { readingAndWriting } from './object-store/reading-and-writing.js';
import { StoreLab } from './object-store/store-lab.js';

/** A store for one check. */
export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** Called after the check. */
  readonly close?: (() => Promise<void>) | undefined;
}

/**
 * What every {@link ObjectStore} has to do. Each check works below a prefix of its own and removes what it put, so that all may share one
 * store; what it locked stays for a minute or two.
 *
 * Which of them apply is told by the store's `capabilities`; the others resolve to `skipped`.
 *
 * @param make makes the store for one check, with or without what closes it
 */
export function objectStoreChecks(
  make: () => ObjectStore | ObjectStoreUnderTest | Promise<ObjectStore | ObjectStoreUnderTest>,
): Check[] {
  const open = async () => {
    const made = await make();
    // By what it can do: a store may keep another in a field of any name.
    return 'put' in made
      ? new StoreLab(made, () => Promise.resolve())
      : new StoreLab(made.store, async () => made.close?.());
  };
  const close = async (lab: StoreLab) => {
    try {
      await lab.clear();
    } finally {
      await lab.close();
    }
  };
  return runnable([...readingAndWriting, ...listingAndDeleting, ...aborting, ...conditions], open, close);
}
