import { VolumeBusyError } from '../errors/index.js';

const held = new Set<string>();

/**
 * Takes a volume for one operation of this process, whichever driver object runs it. Operations of other processes are
 * told by what they keep in the inventory: an open lease, a temporary VM.
 *
 * @param server what tells the vCenter or ESXi from others
 * @throws VolumeBusyError where an operation on the volume is under way
 */
export function lockVolume(server: string, volumeId: string): Disposable {
  const key = `${server}/${volumeId}`;
  if (held.has(key)) throw new VolumeBusyError(`another operation on volume ${volumeId} is under way in this process`);
  held.add(key);
  return { [Symbol.dispose]: () => void held.delete(key) };
}
