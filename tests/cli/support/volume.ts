import { randomBytes } from 'node:crypto';
import type { Simulator } from '../../../src/simulator/index.js';

/** The volume that the examples are about. */
export const volumeId = '2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21';

/** Puts it into a simulator: 1 GiB, with something on its disk. */
export async function addVolume(simulator: Simulator, contentBytes = 1024 * 1024): Promise<string> {
  const vm = await simulator.addVm({
    name: `volume-${volumeId}`,
    instanceUuid: volumeId,
    disk: { capacityBytes: 1024 ** 3 },
    extraConfig: { 'cinder.volume.id': volumeId },
  });
  const path = vm.disks[0]!.path;
  await simulator.writeDisk(path, randomBytes(contentBytes));
  return path;
}
