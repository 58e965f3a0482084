import type { VimObject } from '../../vim/schema/index.js';
import { describeDevice, type Device } from './devices.js';
import type { VirtualMachine } from './virtual-machine.js';

/** A VM's configuration as clients see it, with the devices that it has or, in a snapshot, had. */
export function configInfo(vm: VirtualMachine, devices: readonly Device[]): VimObject<'VirtualMachineConfigInfo'> {
  const { config, home } = vm;
  const directory = `${home.datastore.pathTo(home.directory)}/`;
  return {
    changeVersion: config.changeVersion,
    modified: vm.created,
    name: vm.name,
    guestFullName: 'Other (32-bit)',
    version: config.version,
    uuid: config.uuid,
    instanceUuid: config.instanceUuid,
    template: false,
    guestId: config.guestId,
    alternateGuestName: '',
    ...(config.annotation === undefined ? {} : { annotation: config.annotation }),
    files: {
      vmPathName: home.datastore.pathTo(home.vmx),
      snapshotDirectory: directory,
      suspendDirectory: directory,
      logDirectory: directory,
    },
    flags: {},
    defaultPowerOps: {},
    hardware: {
      numCPU: config.numCPUs,
      numCoresPerSocket: 1,
      memoryMB: config.memoryMB,
      device: devices.map((device) => describeDevice(device, devices, vm.namesDatastores)),
    },
    extraConfig: [...config.extraConfig].map(([key, value]) => ({ key, value })),
    ...(config.managedBy === undefined ? {} : { managedBy: config.managedBy }),
  };
}
