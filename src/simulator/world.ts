import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Clock } from './clock.js';
import { buildInventory } from './inventory/build-inventory.js';
import type { Datacenter } from './inventory/datacenter.js';
import { Datastore } from './inventory/datastore.js';
import type { Folder } from './inventory/folder.js';
import { InstanceUuids } from './inventory/instance-uuids.js';
import { VirtualMachine } from './inventory/virtual-machine.js';
import { createManagers, type Managers } from './managers.js';
import { Leases } from './nfc/leases.js';
import { PreparedExports } from './nfc/prepared-exports.js';
import type { DepartedHost } from './operations/hosts.js';
import type { Settings } from './options.js';
import { Registry } from './registry.js';
import { Sessions } from './sessions.js';
import { DiskFile, type DiskParent, type Provisioning } from './storage/disk-file.js';
import { newDiskUuid } from './storage/disk-uuid.js';
import { RawDisk } from './storage/raw-disk.js';
import { StoragePolicies } from './storage-policies.js';
import { TaskRunner } from './task-runner.js';

/** What a new disk is like. */
export interface NewDisk {
  readonly capacityBytes: number;
  readonly provisioning: Provisioning;
  readonly adapterType: string;
  /** In the dashed form. @defaultValue a new one */
  readonly uuid?: string | undefined;
  /** What it is built on. @defaultValue nothing */
  readonly parent?: DiskParent | undefined;
}

/** Everything one simulator consists of, except its servers. */
export class World {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly registry = new Registry();
  readonly sessions: Sessions;
  readonly tasks: TaskRunner;
  readonly leases: Leases;
  readonly instanceUuids = new InstanceUuids();
  readonly preparedExports = new PreparedExports();
  readonly storagePolicies: StoragePolicies;
  readonly rootFolder: Folder;
  readonly managers: Managers;
  /** Hosts that were taken out of the inventory, by name. */
  readonly departedHosts = new Map<string, DepartedHost>();
  readonly instanceUuid = randomUUID();
  readonly #directory: string;
  readonly #closed = new AbortController();

  /** @param directory - where disks keep their bytes */
  constructor(settings: Settings, directory: string) {
    this.settings = settings;
    this.#directory = directory;
    this.storagePolicies = new StoragePolicies(settings);
    this.clock = new Clock(settings.clockAheadMs);
    this.sessions = new Sessions(settings, this.clock);
    this.tasks = new TaskRunner(settings, this.registry, this.clock, this.#closed.signal);
    this.leases = new Leases(this);
    this.rootFolder = buildInventory(this.registry, this.clock, settings);
    this.managers = createManagers(this.registry, {
      mode: settings.mode,
      rootFolder: this.rootFolder.ref,
      instanceUuid: this.instanceUuid,
      clock: this.clock,
    });
    this.managers.taskManager.recentTasks = () =>
      this.tasks.tasks.filter(({ ended }, i, all) => !ended || i >= all.length - 10);
  }

  get isVcenter(): boolean {
    return this.settings.mode === 'vcenter';
  }

  /** Aborted when the simulator closes. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get vms(): readonly VirtualMachine[] {
    return this.registry.all(VirtualMachine);
  }

  get datastores(): readonly Datastore[] {
    return this.registry.all(Datastore);
  }

  /** The datastore of a name; on a vCenter names are unique within a datacenter only. */
  datastoreNamed(name: string, datacenter?: Datacenter): Datastore | undefined {
    return this.datastores.find(
      (entry) => entry.name === name && (datacenter === undefined || entry.datacenter === datacenter),
    );
  }

  /** A disk that is in no datastore yet. */
  newDisk({ capacityBytes, provisioning, adapterType, uuid, parent }: NewDisk): DiskFile {
    return new DiskFile({
      raw: new RawDisk(this.newFile('raw'), capacityBytes, parent?.file.raw),
      provisioning,
      adapterType,
      parent,
      uuid: uuid ?? newDiskUuid(),
    });
  }

  /** A path in the simulator's own directory that nothing else has. */
  newFile(kind: 'raw' | 'upload'): string {
    return join(this.#directory, `${kind}-${this.registry.nextNumber(kind)}`);
  }

  /** Takes a disk out of its datastore and frees its bytes. */
  async deleteDisk(disk: DiskFile): Promise<void> {
    disk.files?.remove(disk.path);
    await disk.raw.dispose();
    this.registry.changed();
  }

  /** Frees all disks' bytes. Only for when nobody uses them any more. */
  async freeDisks(): Promise<void> {
    const entries = this.datastores.flatMap(({ files }) => [...files.entries()].map(([, entry]) => entry));
    await Promise.all(entries.flatMap((entry) => (entry.kind === 'disk' ? [entry.raw.dispose()] : [])));
  }

  close(): void {
    this.#closed.abort();
    this.leases.close();
    this.sessions.closeAll();
  }
}
