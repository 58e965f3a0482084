import type { VimObject } from '../../vim/schema/index.js';
import { type Fault, fault } from '../fault.js';
import type { Datacenter } from '../inventory/datacenter.js';
import type { Device } from '../inventory/devices.js';
import type { VirtualMachine, VmHome } from '../inventory/virtual-machine.js';
import type { DatastoreFiles } from '../storage/datastore-files.js';
import type { World } from '../world.js';
import { planController } from './controller-change.js';
import { planDisk } from './disk-change.js';

/** What a device change is about. */
export interface DeviceContext {
  readonly world: World;
  readonly datacenter: Datacenter;
  readonly home: VmHome;
  /** The VM that is changed; undefined while it is being created. */
  readonly vm: VirtualMachine | undefined;
}

/** Device changes found possible and not made yet. */
export class DevicePlan {
  readonly context: DeviceContext;
  devices: readonly Device[];
  /** Keys of new devices in the spec, and what they become. */
  readonly newKeys = new Map<number, number>();
  /** What to do to files, in order. */
  readonly effects: (() => unknown)[] = [];
  /** Paths that disks yet to be created will have. */
  readonly taken = new Set<string>();
  readonly #needed = new Map<DatastoreFiles, number>();

  constructor(context: DeviceContext, devices: readonly Device[]) {
    this.context = context;
    this.devices = devices;
  }

  /**
   * Plans changes in the order of the spec, except that new controllers come first: disks may name them before.
   *
   * @throws Fault InvalidDeviceSpec, FileNotFound, FileLocked, FileAlreadyExists, NoDiskSpace, InvalidPowerState, InvalidState
   */
  add(changes: readonly VimObject<'VirtualDeviceConfigSpec'>[]): this {
    const indexed = changes.map((change, index) => ({ change, index }));
    const isNewController = ({ change }: { change: VimObject<'VirtualDeviceConfigSpec'> }): boolean =>
      change.operation === 'add' && change.device._type !== 'VirtualDisk';
    for (const { change, index } of indexed.filter(isNewController)) planController(this, change, index);
    for (const entry of indexed) {
      if (isNewController(entry)) continue;
      if (entry.change.device._type === 'VirtualDisk') planDisk(this, entry.change, entry.change.device, entry.index);
      else planController(this, entry.change, entry.index);
    }
    return this;
  }

  /** @throws Fault NoDiskSpace where all the plan needs of a datastore is more than there is */
  reserve(files: DatastoreFiles, bytes: number, path: string): void {
    const needed = (this.#needed.get(files) ?? 0) + bytes;
    files.requireSpace(needed, path);
    this.#needed.set(files, needed);
  }

  /** Does what the plan does to files. All that others can see is done when it returns; freeing of bytes takes longer. */
  carryOut(): Promise<unknown> {
    const running = this.effects.map((effect) => Promise.resolve(effect()));
    return Promise.all(running);
  }
}

/** A change that makes no sense. */
export function invalidDevice(index: number, property: string, message: string): Fault {
  return fault(
    'InvalidDeviceSpec',
    { property: `virtualDeviceSpec.${property}`, deviceIndex: index },
    `Invalid configuration for device '${index}': ${message}`,
  );
}
