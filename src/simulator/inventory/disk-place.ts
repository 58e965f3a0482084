import type { Device, DiskDevice } from './devices.js';

/** Where a disk is in its VM, as in `VirtualLsiLogicController0:1`. */
export function diskPlace({ controllerKey, unitNumber }: DiskDevice, all: readonly Device[]): string {
  const controller = all.find(({ key }) => key === controllerKey);
  if (controller?.kind !== 'controller') throw new Error(`a disk is at controller ${controllerKey}, which is none`);
  return `${controller.type}${controller.busNumber}:${unitNumber}`;
}
