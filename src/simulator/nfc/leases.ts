import { randomBytes, randomUUID } from 'node:crypto';
import { type Fault, fault } from '../fault.js';
import { requireReadable } from '../inventory/disk-chain.js';
import { diskPlace } from '../inventory/disk-place.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { removeVm } from '../operations/remove-vm.js';
import type { Registry } from '../registry.js';
import type { World } from '../world.js';
import { diskUrl, leaseThumbprint, type NfcEndpoint } from './endpoint.js';
import { Lease, type LeaseDevice, type LeaseKind } from './lease.js';

/** How long nothing of an upload may come, in milliseconds, when its lease is completed before it has ended. */
const SETTLING_MS = 3000;

/** How many ended leases are remembered for inspection. */
const REMEMBERED = 1000;

/** Opens leases, and ends them when nobody keeps them alive. */
export class Leases {
  /** Where disks move; set when the server listens. */
  endpoint: NfcEndpoint | undefined;
  readonly #world: World;
  #all: readonly Lease[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Every lease there was, oldest first. */
  get all(): readonly Lease[] {
    return this.#all;
  }

  /**
   * Opens a lease on a VM's disks. It locks the VM until it is over.
   *
   * @throws Fault TaskInProgress; FileNotFound, GenericVmConfigFault where a disk cannot be read
   */
  open(kind: LeaseKind, vm: VirtualMachine, userName: string): Lease {
    const { registry, tasks, settings } = this.#world;
    vm.requireIdle();
    const files = vm.disks.map((disk) => ({ disk, file: requireReadable(disk) }));
    const descriptionId = kind === 'export' ? 'VirtualMachine.ExportVmLRO' : 'ResourcePool.ImportVAppLRO';
    const isOnPool = kind === 'import' && settings.quirks.importTaskOn === 'resourcePool';
    const task = tasks.create(userName, { descriptionId, entity: isOnPool ? vm.pool : vm });
    tasks.markRunning(task);
    vm.busy = task;
    const devices = files.map(({ disk, file }, index): LeaseDevice => {
      const place = diskPlace(disk, vm.config.devices);
      return {
        key: `/${vm.id}/${place}`,
        importKey: `/${vm.name}/${place}`,
        targetId: `disk-${index}.vmdk`,
        disk,
        file,
        transfer: 'none',
        bytes: 0,
        cookieReceived: false,
        checksumType: 'sha256',
        sent: undefined,
      };
    });
    const id = this.#world.isVcenter ? `session[${randomUUID()}]${randomUUID()}` : `haNfcLease-${randomUUID()}`;
    const lease = registry.add(
      new Lease(id, { kind, vm, task, ticket: randomBytes(24).toString('base64url'), devices }),
    );
    this.#all = [...this.#all.slice(-REMEMBERED), lease];
    setTimeout(() => {
      this.#makeReady(lease);
    }, settings.latency.taskMs).unref();
    return lease;
  }

  /** Keeps a lease alive. @throws Fault InvalidArgument, InvalidState, Timedout */
  progress(lease: Lease, percent: number): void {
    this.#requireReady(lease);
    if (percent < 0 || percent > 100) {
      throw fault('InvalidArgument', { invalidProperty: 'percent' }, 'percent must be from 0 to 100');
    }
    lease.progress = percent;
    lease.progressReports++;
    this.#restartTimer(lease);
    this.#world.registry.changed();
  }

  /**
   * Ends a lease that did what it was for. Clients that do not wait for an upload's answer complete the lease while its last
   * bytes are still on their way, and servers have always let them.
   *
   * @throws Fault InvalidState where it is not ready or a transfer is not finished; Timedout
   */
  async complete(lease: Lease): Promise<void> {
    this.#requireReady(lease);
    if (lease.kind === 'import') {
      const { registry } = this.#world;
      await Promise.all(lease.devices.map((device) => uploadSettled(device, registry)));
    }
    this.#requireReady(lease);
    const unfinished = lease.devices.find(
      ({ transfer }) => transfer === 'open' || (lease.kind === 'import' && transfer !== 'done'),
    );
    if (unfinished !== undefined) {
      throw fault('InvalidState', {}, `The transfer of ${unfinished.targetId} is not finished`);
    }
    this.#end(lease, 'done');
  }

  /** Ends a lease; an import's VM is removed. @throws Fault InvalidState where it is over already; Timedout */
  async abort(lease: Lease, reason: Fault): Promise<void> {
    if (lease.isOver) this.#requireReady(lease);
    await this.fail(lease, reason);
  }

  /** Ends a lease because something went wrong with it; an import's VM is removed. */
  async fail(lease: Lease, reason: Fault): Promise<void> {
    if (lease.isOver) return;
    lease.error = reason;
    lease.cutTransfers();
    lease.alarm?.cancel();
    const removal = lease.kind === 'import' ? removeVm(this.#world, lease.vm) : undefined;
    this.#end(lease, 'error');
    await removal;
  }

  /** Ends all leases of a VM that nobody can reach any more; an import's VM stays as it is. */
  drop(vm: VirtualMachine): void {
    for (const lease of this.#all) {
      if (lease.vm !== vm || lease.isOver) continue;
      lease.error = fault('HostNotConnected', {}, 'The host is not connected');
      this.#end(lease, 'error');
    }
  }

  /** What a ticket and the last part of a URL name; undefined where there is no such thing. */
  find(ticket: string, targetId: string): { lease: Lease; device: LeaseDevice } | undefined {
    const lease = this.#all.find((entry) => entry.ticket === ticket);
    const device = lease?.devices.find((entry) => entry.targetId === targetId);
    return lease === undefined || device === undefined ? undefined : { lease, device };
  }

  close(): void {
    for (const lease of this.#all) {
      lease.alarm?.cancel();
      lease.cutTransfers();
    }
  }

  #makeReady(lease: Lease): void {
    const { settings, registry } = this.#world;
    const { endpoint } = this;
    if (endpoint === undefined || lease.isOver) return;
    const bytes = lease.devices.reduce((sum, { file }) => sum + file.capacityBytes, 0);
    lease.info = {
      lease: lease.ref,
      entity: lease.vm.ref,
      deviceUrl: lease.devices.map(({ key, importKey, targetId, disk, file }) => ({
        key,
        importKey,
        url: diskUrl(endpoint, settings, lease.ticket, targetId),
        sslThumbprint: leaseThumbprint(endpoint, settings.leaseThumbprint),
        disk: true,
        targetId,
        datastoreKey: disk.datastore.id,
        ...(lease.kind === 'export' ? { fileSize: file.raw.allocatedBytes } : {}),
      })),
      totalDiskCapacityInKB: Math.ceil(bytes / 1024),
      leaseTimeout: Math.ceil(settings.leaseTimeoutSeconds),
    };
    lease.state = 'ready';
    this.#restartTimer(lease);
    registry.changed();
  }

  #restartTimer(lease: Lease): void {
    lease.alarm?.cancel();
    const expire = (): void => {
      void this.fail(lease, fault('Timedout', {}, 'The lease timed out: nobody reported progress'));
    };
    lease.alarm = this.#world.clock.setAlarm(this.#world.settings.leaseTimeoutSeconds * 1000, expire);
  }

  #requireReady(lease: Lease): void {
    if (lease.state === 'ready') return;
    if (lease.error?.data._type === 'Timedout') throw lease.error;
    throw fault('InvalidState', {}, `The lease is ${lease.state}`);
  }

  #end(lease: Lease, state: 'done' | 'error'): void {
    const { clock, registry, tasks, settings } = this.#world;
    lease.alarm?.cancel();
    lease.cutTransfers();
    if (lease.vm.busy === lease.task) lease.vm.busy = undefined;
    lease.state = state;
    tasks.markEnded(lease.task, lease.error === undefined ? {} : { error: lease.error });
    lease.alarm = clock.setAlarm(settings.leaseRetentionMs, () => {
      registry.remove(lease);
    });
  }
}

/** Resolves once an upload that is under way has ended, or receives nothing any more. */
async function uploadSettled(device: LeaseDevice, registry: Registry): Promise<void> {
  if (device.transfer !== 'open') return;
  await new Promise<void>((resolve) => {
    let { bytes } = device;
    const stop = registry.onChange(() => {
      if (device.transfer !== 'open') end();
    });
    const watch = setInterval(() => {
      if (device.bytes === bytes) end();
      ({ bytes } = device);
    }, SETTLING_MS).unref();
    const end = (): void => {
      stop();
      clearInterval(watch);
      resolve();
    };
  });
}
