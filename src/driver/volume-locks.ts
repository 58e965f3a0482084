import { VolumeBusyError } from '../errors/index.js';

// A process may hold the ESM and the CommonJS copy of this module: a registered symbol is the same in both.
const place: unique symbol = Symbol.for('vmdk-driver/volume-locks');
const holder = globalThis as typeof globalThis & { [place]?: Set<string> | undefined };
const held = (holder[place] ??= new Set());

/**
 * Takes a volume for one operation of this process, whichever driver object runs it. Operations of other processes are
 * told by what they keep in the inventory: an open lease, a temporary VM.
 *
 * @param server what tells the vCenter or ESXi from others
 * @throws VolumeBusyError where an operation on the volume is under way
 */
export function lockVolume(server: string, volumeId: string): Disposable {
  const key = `${server}/${volumeId}`;
  if (held.has(key)) {
    throw new VolumeBusyError(
      `another operation on volume ${volumeId} is under way in this process: wait for its end, or abort it by its signal`,
    );
  }
  held.add(key);
  return { [Symbol.dispose]: () => void held.delete(key) };
}
