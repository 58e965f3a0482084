import { type BackingLookup, findBacking } from '../backing/find-backing.js';
import type { ParsedVolume } from '../model/volume.js';
import type { MoRef } from '../vim/schema/index.js';
import { assertNoTemporaryVmSeen } from './find-temporary-vms.js';

/**
 * Finds a volume's backing, or makes certain that it has none: a volume that is being restored for the first time has a temporary VM,
 * and nothing else to be seen by. That there is neither is believed only if one session lasted for the whole look.
 *
 * @throws VolumeBusyError where a restore of the volume is under way, or died and was not recovered yet
 * @throws as {@link findBacking}
 */
export async function findIdleBacking(lookup: BackingLookup, volume: ParsedVolume): Promise<MoRef | undefined> {
  const { vim, signal } = lookup;
  const assertIdle = () => assertNoTemporaryVmSeen(vim, volume, { signal });
  const ref = await findBacking(lookup, volume, assertIdle);
  if (ref !== undefined) await assertIdle();
  return ref;
}
