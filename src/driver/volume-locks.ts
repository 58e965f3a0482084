import { VolumeBusyError } from '../errors/index.js';
import { sharedState } from '../process/shared-state.js';

/** The volumes that operations of this thread work on, since when. */
const held = sharedState('volumes-in-use', () => new Map<string, Date>());

/**
 * Takes a volume for one operation of this process, whichever driver object runs it. Operations of other processes are
 * told by what they keep in the inventory: an open lease, a temporary VM.
 *
 * @param server what tells the vCenter or ESXi from others
 * @throws VolumeBusyError where an operation on the volume is under way
 */
export function lockVolume(server: string, volumeId: string): Disposable {
  const key = `${server}/${volumeId}`;
  const since = held.get(key);
  if (since !== undefined) {
    throw new VolumeBusyError(
      `another operation on volume ${volumeId} is under way in this process (${process.pid}) since ${since.toISOString()}: ` +
        'wait for its end, or abort it by its signal',
    );
  }
  held.set(key, new Date());
  return { [Symbol.dispose]: () => void held.delete(key) };
}
