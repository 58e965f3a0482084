import type { MoRef } from '../vim/schema/index.js';
import { type FaultTemplate, toFault } from './call-faults.js';
import { describeVm, type VmInfo } from './inspection.js';
import type { ControllerDevice } from './inventory/controllers.js';
import { Folder } from './inventory/folder.js';
import type { HostConnectionState } from './inventory/host-system.js';
import type { VirtualMachine } from './inventory/virtual-machine.js';
import { requireDatastore, requireHost, requirePlace, requireVm, type VmName } from './lookup.js';
import type { ManagedObject } from './managed-object.js';
import { controllerTypeOf, diskChanges, type NewVmDisk } from './new-vm-disk.js';
import { deleteFile } from './operations/files.js';
import { removeHost, returnHost } from './operations/hosts.js';
import { reconfigureVm } from './operations/reconfigure-vm.js';
import { registerVm } from './operations/register-vm.js';
import { relocateVm } from './operations/relocate-vm.js';
import { unregisterVm } from './operations/remove-vm.js';
import type { World } from './world.js';

/** What somebody may change of a VM. */
export interface VmChange {
  readonly name?: string | undefined;
  /** The BIOS UUID. */
  readonly uuid?: string | undefined;
  readonly instanceUuid?: string | undefined;
  /** An empty value takes a key away. */
  readonly extraConfig?: Readonly<Record<string, string>> | undefined;
}

/** A task that somebody else started. */
export interface OtherTask {
  readonly ref: MoRef;
  /** Ends it: with success, or with a fault. */
  end(fault?: FaultTemplate): void;
}

/**
 * What other people do in the same inventory. Nothing of it is a call, or subject to injected faults; what a server would refuse
 * is refused, with an error named after the fault: a busy VM, most of all.
 */
export class Administrator {
  readonly #world: World;

  /** @internal */
  constructor(world: World) {
    this.#world = world;
  }

  /** Changes a VM's name, UUIDs or `extraConfig`, as a reconfigure does. */
  async changeVm(name: VmName, { extraConfig = {}, ...rest }: VmChange): Promise<void> {
    const fields = Object.entries(rest).filter(([, value]) => value !== undefined);
    const options = Object.entries(extraConfig).map(([key, value]) => ({ key, value }));
    await reconfigureVm(this.#world, this.#idleVm(name), {
      ...Object.fromEntries(fields),
      ...(options.length === 0 ? {} : { extraConfig: options }),
    });
  }

  /** Gives a VM another disk: a new one or, by `path`, one that is there already and may be another VM's. */
  async attachDisk(name: VmName, disk: NewVmDisk): Promise<void> {
    const vm = this.#idleVm(name);
    const type = controllerTypeOf(disk);
    const controller = vm.config.devices.find(
      (device): device is ControllerDevice => device.kind === 'controller' && device.type === type,
    );
    await reconfigureVm(this.#world, vm, { deviceChange: diskChanges([disk], undefined, controller?.key) });
  }

  /** Takes a disk from a VM, and leaves its file where it is. @param path - its datastore path */
  async detachDisk(name: VmName, path: string): Promise<void> {
    const vm = this.#idleVm(name);
    const disk = vm.disks.find((entry) => entry.datastore.pathTo(entry.path) === path);
    if (disk === undefined) throw new Error(`${vm.name} has no disk ${path}`);
    const device = { _type: 'VirtualDisk', key: disk.key, capacityInKB: 0 } as const;
    await reconfigureVm(this.#world, vm, { deviceChange: [{ operation: 'remove', device }] });
  }

  /**
   * Moves a VM's files to another datastore of its datacenter, as storage vMotion does: paths change, UUIDs and references stay.
   *
   * @param datastore - its name @defaultValue the first that is not the VM's home
   */
  relocateVm(name: VmName, datastore?: string): void {
    const vm = this.#idleVm(name);
    const { datastore: home } = vm.home;
    const target =
      datastore === undefined
        ? home.datacenter.datastores.find((entry) => entry !== home && entry.accessible)
        : requireDatastore(this.#world, datastore);
    if (target === undefined) throw new Error(`there is no datastore to move ${vm.name} to`);
    relocateVm(this.#world, vm, { datastore: target.ref });
  }

  /** Takes a VM out of the inventory. Its files stay, and are nobody's until {@link registerVm}. @returns its configuration file's path */
  unregisterVm(name: VmName): string {
    const vm = this.#idleVm(name);
    vm.requirePoweredOff();
    unregisterVm(this.#world, vm);
    return vm.home.datastore.pathTo(vm.home.vmx);
  }

  /**
   * Puts a VM into the inventory again. Its reference is another one then.
   *
   * @param vmPathName - its configuration file's datastore path
   * @param options - `name`: @defaultValue the one it had
   */
  registerVm(vmPathName: string, options: { readonly name?: string } = {}): VmInfo {
    return describeVm(registerVm(this.#world, requirePlace(this.#world, vmPathName), options));
  }

  /** Renames a datastore: all paths in it change with its name. */
  renameDatastore(name: string, newName: string): void {
    const datastore = requireDatastore(this.#world, name);
    if (!(datastore.parent instanceof Folder)) throw new Error(`${name} is in no folder`);
    datastore.parent.rename(datastore, newName);
    this.#world.registry.changed();
  }

  /** Deletes a file, or a directory with all that is in it; be it a disk of a VM that is off. */
  async deleteFile(path: string): Promise<void> {
    await deleteFile(this.#world, requirePlace(this.#world, path));
  }

  /** Makes a host unreachable, or reachable again. Its VMs are shown as they were last seen; nothing can be done to them. */
  setHostState(name: string, state: HostConnectionState): void {
    requireHost(this.#world, name).connectionState = state;
    this.#world.registry.changed();
  }

  /** Takes a host out of the inventory, with all VMs that are on it. Their files stay. */
  removeHost(name: string): void {
    removeHost(this.#world, requireHost(this.#world, name));
    this.#world.registry.changed();
  }

  /** Puts a host that was removed into the inventory again, with its VMs. All of them have other references than before. */
  returnHost(name: string): void {
    const departed = this.#world.departedHosts.get(name);
    if (departed === undefined) throw new Error(`no host ${name} was removed`);
    returnHost(this.#world, departed);
    this.#world.registry.changed();
  }

  /**
   * Says what clients may see of a VM: `unreadable`, each property is missing with `NoPermission` and each call is refused;
   * `hidden`, it is not even named where it would be listed or found. `full` takes that back.
   */
  setAccess(name: VmName, access: VirtualMachine['access']): void {
    requireVm(this.#world, name).access = access;
    this.#world.registry.changed();
  }

  /**
   * Says whether the server knows the datastores of a VM's disks by their names. Where it does not, their paths are shown as hosts have
   * them, `[] /vmfs/volumes/<id>/…`, and no datastore with them.
   */
  setDatastoreNames(name: VmName, names: 'known' | 'unknown'): void {
    requireVm(this.#world, name).namesDatastores = names === 'known';
    this.#world.registry.changed();
  }

  /**
   * Starts a task that goes on until it is ended.
   *
   * @param options - `vm`: what it works on @defaultValue the virtual disk manager; `locks`: whether that VM is busy meanwhile
   * @defaultValue false; `userName`: who started it @defaultValue `somebody.else@vsphere.local`
   */
  startTask({
    vm: name,
    descriptionId,
    userName = 'somebody.else@vsphere.local',
    locks = false,
  }: {
    readonly vm?: VmName;
    readonly descriptionId?: string;
    readonly userName?: string;
    readonly locks?: boolean;
  } = {}): OtherTask {
    const { tasks } = this.#world;
    const vm = name === undefined ? undefined : requireVm(this.#world, name);
    const entity = vm ?? this.#diskManager();
    const usual = vm === undefined ? 'VirtualDiskManager.copyVirtualDisk' : 'VirtualMachine.relocate';
    if (locks) vm?.requireIdle();
    const task = tasks.create(userName, { descriptionId: descriptionId ?? usual, entity });
    tasks.markRunning(task);
    if (locks && vm !== undefined) vm.busy = task;
    return {
      ref: task.ref,
      end: (fault) => {
        if (vm?.busy === task) vm.busy = undefined;
        tasks.markEnded(task, fault === undefined ? {} : { error: toFault(fault) });
      },
    };
  }

  #diskManager(): ManagedObject {
    const { managers, registry } = this.#world;
    const ref = managers.serviceInstance.content.virtualDiskManager;
    const manager = ref && registry.find(ref);
    if (manager === undefined) throw new Error('there is no virtual disk manager');
    return manager;
  }

  #idleVm(name: VmName): VirtualMachine {
    const vm = requireVm(this.#world, name);
    vm.requireIdle();
    return vm;
  }
}
