import type { VirtualMachine } from '../inventory/virtual-machine.js';

/** How a VM uses a file: it is one of its disks, or one of its disks is built on it. */
export type DiskUse = 'device' | 'parent';

/** Which VMs name which disk files of one datastore. A file need not be there to be named. */
export class DiskUsers {
  readonly #byPath = new Map<string, Map<VirtualMachine, DiskUse>>();

  add(path: string, vm: VirtualMachine, use: DiskUse): void {
    const users = this.#byPath.get(path) ?? new Map<VirtualMachine, DiskUse>();
    if (users.get(vm) !== 'device') users.set(vm, use);
    this.#byPath.set(path, users);
  }

  remove(path: string, vm: VirtualMachine): void {
    const users = this.#byPath.get(path);
    users?.delete(vm);
    if (users?.size === 0) this.#byPath.delete(path);
  }

  /** Every VM that uses a file, in either way. */
  of(path: string): VirtualMachine[] {
    return [...(this.#byPath.get(path)?.keys() ?? [])];
  }

  /** The VMs whose disk a file is. */
  attached(path: string): VirtualMachine[] {
    return [...(this.#byPath.get(path) ?? [])].flatMap(([vm, use]) => (use === 'device' ? [vm] : []));
  }
}
