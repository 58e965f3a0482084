import { VimProtocolError } from '../errors/index.js';
import type { PropertiesOf } from '../vim/schema/index.js';

/** Whether the server tells nothing of a VM's configuration, as of one whose host or files are out of reach; every one has a version. */
export function isUntold(vm: PropertiesOf<'VirtualMachine', 'config.changeVersion' | 'config.extraConfig'>): boolean {
  return vm['config.extraConfig'] === undefined && vm['config.changeVersion'] === undefined;
}

/** What is said of such a VM: neither its marks nor its disks are known. */
export function untold(name: string): VimProtocolError {
  return new VimProtocolError(`the server does not tell the configuration of ${name}: it may be out of reach`, {
    retryable: true,
  });
}
