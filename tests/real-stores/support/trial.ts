import { appendFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Backup } from '../../../src/index.js';
import { digest } from '../../../src/testing/digest.js';
import { sweepLater } from './later.js';
import { contentsOf, type Place, serviceAt } from './place.js';

/** One try of an operation, as `StoreReporter` counts it. */
export interface Outcome {
  readonly store: string;
  readonly operation: string;
  readonly fault: string;
  readonly survived: boolean;
  /** Backups that are not what they have to be. */
  readonly lost: number;
  /** Backups that are listed and cannot be restored, or the reverse. */
  readonly halfVisible: number;
  /** Objects or images that no sweep removes. */
  readonly leaked: number;
}

/** How often what a killed client left is looked for again, a second apart: Ceph remembers one for half a minute. */
const maxSweeps = 120;

/** What is tried. */
export type What = Pick<Outcome, 'store' | 'operation' | 'fault'>;

/**
 * Tries an operation on a backup under a fault, then looks at what there is, deletes it, has everything swept, and looks at what stays.
 *
 * @param act does it, and resolves with the SHA-256 of each content that the backup may have afterwards; undefined stands for no backup
 */
export async function trial(
  what: What,
  place: Place,
  backup: Backup,
  act: () => Promise<readonly (string | undefined)[]>,
): Promise<void> {
  const before = await contentsOf(place);
  let harm = { lost: 0, halfVisible: 0, leaked: 0 };
  let survived = false;
  try {
    harm = await aftermath(place, backup, await act(), before);
    expect({ ...what, ...harm }).toEqual({ ...what, lost: 0, halfVisible: 0, leaked: 0 });
    survived = true;
  } finally {
    record({ ...what, survived, ...harm });
  }
}

async function aftermath(
  place: Place,
  backup: Backup,
  allowed: readonly (string | undefined)[],
  before: readonly string[],
) {
  // Somebody who knows nothing of what happened.
  const service = serviceAt(place);
  let halfVisible = 0;
  const content = await service
    .openRestore(backup)
    .then(async ({ stream }) => digest(await buffer(stream)))
    .catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'BACKUP_NOT_FOUND') halfVisible++;
      return undefined;
    });
  const listed = [];
  for await (const each of service.list()) listed.push('error' in each ? `${each.id}, unreadable` : each.id);
  const isListed = listed.length === 1 && listed[0] === backup.id;
  if (content === undefined ? listed.length > 0 : !isListed) halfVisible++;
  const lost = allowed.includes(content) ? 0 : 1;
  await service.delete?.(backup);
  return { lost, halfVisible, leaked: await leaked(place, before) };
}

async function leaked(place: Place, before: readonly string[]): Promise<number> {
  for (let sweeps = 1; ; sweeps++) {
    await sweepLater(place);
    const left = (await contentsOf(place)).filter((name) => !before.includes(name));
    if (left.length === 0 || sweeps === maxSweeps || place.kind !== 'rbd') return left.length;
    await pause(1000);
  }
}

function record(outcome: Outcome): void {
  const path = process.env['VMDK_DRIVER_STORES_RECORD'];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(outcome)}\n`);
}
