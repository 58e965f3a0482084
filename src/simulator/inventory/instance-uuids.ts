import type { VirtualMachine } from './virtual-machine.js';

/** Which VMs have which instance UUID, so that conflicts are found without looking at every VM. */
export class InstanceUuids {
  readonly #byUuid = new Map<string, Set<VirtualMachine>>();
  readonly #known = new Map<VirtualMachine, string>();

  /** Takes note of a VM's instance UUID as it is now. */
  update(vm: VirtualMachine): void {
    this.remove(vm);
    const { instanceUuid } = vm.config;
    const peers = this.#byUuid.get(instanceUuid) ?? new Set();
    this.#byUuid.set(instanceUuid, peers.add(vm));
    this.#known.set(vm, instanceUuid);
  }

  remove(vm: VirtualMachine): void {
    const uuid = this.#known.get(vm);
    if (uuid === undefined) return;
    const peers = this.#byUuid.get(uuid);
    peers?.delete(vm);
    if (peers?.size === 0) this.#byUuid.delete(uuid);
    this.#known.delete(vm);
  }

  /** Whether a VM other than the given one has it. */
  isTaken(uuid: string, except: VirtualMachine | undefined): boolean {
    return [...(this.#byUuid.get(uuid) ?? [])].some((vm) => vm !== except);
  }
}
