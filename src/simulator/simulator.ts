import { Readable } from 'node:stream';
import { addVm, type NewVm } from './add-vm.js';
import { Administrator } from './administrator.js';
import type { CallFault, InjectedCallFault, InjectedFault } from './call-faults.js';
import type { CallListener } from './call-listeners.js';
import type { CallRecord } from './call-log.js';
import {
  describeFile,
  describeLease,
  describeSession,
  describeTask,
  describeVm,
  type FileInfo,
  type LeaseInfo,
  type SessionInfo,
  type SimulatorState,
  type TaskDescription,
  type VmInfo,
} from './inspection.js';
import { addDatastore } from './inventory/build-inventory.js';
import { Datacenter } from './inventory/datacenter.js';
import { findLeftovers, type Leftover } from './leftovers.js';
import { findVm, requireDatastore, requireDisk, requireVm, type VmName } from './lookup.js';
import type { TransferFault } from './nfc/transfer-faults.js';
import { powerOff, powerOn } from './operations/power.js';
import { removeVm } from './operations/remove-vm.js';
import { createSnapshot, removeAllSnapshots } from './operations/snapshots.js';
import type {
  DatastoreOptions,
  DatastoreState,
  EndedSessionAnswer,
  Latency,
  Quirks,
  SimulatorMode,
} from './options.js';
import type { SimulatorParts } from './simulator-parts.js';
import type { World } from './world.js';

/**
 * A vCenter or an ESXi host within this process. Made by `startSimulator`.
 *
 * Everything it has can be looked at and changed from outside, past its API: what a test sets up so is no call, and is not
 * subject to injected faults.
 */
export class Simulator implements AsyncDisposable {
  readonly #parts: SimulatorParts;
  readonly #world: World;
  /** What other people do in the same inventory. */
  readonly administrator: Administrator;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(parts: SimulatorParts) {
    this.#parts = parts;
    this.#world = parts.world;
    this.administrator = new Administrator(parts.world);
  }

  get mode(): SimulatorMode {
    return this.#world.settings.mode;
  }

  /** The URL of its SOAP endpoint. */
  get url(): string {
    const { host, port } = this.#parts;
    return `https://${host.includes(':') ? `[${host}]` : host}:${port}/sdk`;
  }

  get host(): string {
    return this.#parts.host;
  }

  get port(): number {
    return this.#parts.port;
  }

  get username(): string {
    return this.#world.settings.username;
  }

  get password(): string {
    return this.#world.settings.password;
  }

  /** SHA-1 of the SOAP endpoint's certificate: hexadecimal, in pairs with colons between. */
  get thumbprint(): string {
    return this.#parts.thumbprint;
  }

  /** SHA-256 of the SOAP endpoint's certificate, in the same form. */
  get thumbprintSha256(): string {
    return this.#parts.thumbprintSha256;
  }

  /** The authority that signed all of its certificates, in PEM. */
  get ca(): string {
    return this.#parts.ca;
  }

  // What there is

  /** The VMs of all datacenters. */
  vms(): VmInfo[] {
    return this.#world.vms.map(describeVm);
  }

  /** The VM of a name or id, or undefined. */
  vm(vm: VmName): VmInfo | undefined {
    const found = findVm(this.#world, vm);
    return found === undefined ? undefined : describeVm(found);
  }

  /** Everything in all datastores, ordered by path. */
  files(): FileInfo[] {
    return this.#world.datastores
      .flatMap((datastore) =>
        [...datastore.files.entries()].map(([path, entry]) => describeFile(datastore.pathTo(path), entry)),
      )
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Every lease there was, oldest first. */
  leases(): LeaseInfo[] {
    return this.#world.leases.all.map(describeLease);
  }

  /** Who is logged in. */
  sessions(): SessionInfo[] {
    return this.#world.sessions.active.map(describeSession);
  }

  /** The latest calls, in order of arrival: as many as the option `rememberedCalls` says, or fewer where they are long. */
  calls(): readonly CallRecord[] {
    return [...this.#parts.log.records];
  }

  /** How many calls there were: the `index` that the next one will have. */
  get callCount(): number {
    return this.#parts.log.count;
  }

  /** The tasks of the recent past, oldest first. */
  tasks(): TaskDescription[] {
    return this.#world.tasks.tasks.map(describeTask);
  }

  /**
   * Everything, as plain data, to be compared with what it was at another time.
   *
   * @param options - `content`: with the SHA-256 of each disk's bytes, which takes reading them
   */
  async state({ content = false }: { readonly content?: boolean } = {}): Promise<SimulatorState> {
    const files: FileInfo[] = [];
    for (const file of this.files()) {
      files.push(content && file.kind === 'disk' ? { ...file, sha256: await this.diskSha256(file.path) } : file);
    }
    const vms = this.vms().sort((a, b) => (a.inventoryPath < b.inventoryPath ? -1 : 1));
    return structuredClone({ vms, files });
  }

  /** What a finished set of operations must not leave behind. */
  leftovers(): Leftover[] {
    return findLeftovers(this.#world);
  }

  // Disks

  /** Writes bytes to a disk. @param position - of the first byte @defaultValue 0 */
  async writeDisk(path: string, data: Uint8Array | AsyncIterable<Uint8Array>, position = 0): Promise<void> {
    const disk = requireDisk(this.#world, path);
    this.#world.preparedExports.forget(disk);
    let at = position;
    for await (const chunk of data instanceof Uint8Array ? [data] : data) {
      if (at + chunk.length > disk.capacityBytes) throw new RangeError(`${path} ends at ${disk.capacityBytes}`);
      await disk.write(chunk, at);
      at += chunk.length;
    }
    this.#world.registry.changed();
  }

  /** A disk's bytes from `start` up to, without, `end`. @defaultValue all of them */
  readDisk(path: string, { start, end }: { readonly start?: number; readonly end?: number } = {}): Readable {
    return Readable.from(requireDisk(this.#world, path).raw.chunks(start, end), { objectMode: false });
  }

  /** SHA-256 of all of a disk's bytes, holes included, hexadecimal. */
  diskSha256(path: string): Promise<string> {
    return requireDisk(this.#world, path).raw.sha256();
  }

  /**
   * SHA-256 over what a disk holds besides zeros, and where: as telling as {@link diskSha256}, quick for an emptyish disk, and
   * the same for disks that differ only in zeros at their ends.
   */
  diskFingerprint(path: string): Promise<string> {
    return requireDisk(this.#world, path).raw.fingerprint();
  }

  /**
   * Has a file served as the export of a disk, instead of encoding the disk while it is sent, until the disk is next written
   * to: for measuring clients. The file must be a stream-optimized VMDK.
   */
  serveExport(path: string, file: string): Promise<void> {
    return this.#world.preparedExports.prepare(requireDisk(this.#world, path), file);
  }

  /** Locks a disk's file, as something outside the inventory would. */
  lockFile(path: string): void {
    requireDisk(this.#world, path).locked = true;
  }

  /** Takes a lock of {@link lockFile} back. */
  unlockFile(path: string): void {
    requireDisk(this.#world, path).locked = false;
  }

  // Inventory

  /** Puts a VM into the inventory, with its disk. */
  async addVm(options: NewVm): Promise<VmInfo> {
    return describeVm(await addVm(this.#world, options));
  }

  /** Deletes a VM with its disks. */
  async removeVm(vm: VmName): Promise<void> {
    await removeVm(this.#world, requireVm(this.#world, vm));
  }

  /** Powers a VM on: its disks are in use from then on. */
  powerOn(vm: VmName): void {
    powerOn(this.#world, requireVm(this.#world, vm));
  }

  /** Powers a VM off. */
  powerOff(vm: VmName): void {
    powerOff(this.#world, requireVm(this.#world, vm));
  }

  /** Gives a VM a snapshot: its disks get new files, built on the ones they had. */
  createSnapshot(vm: VmName, name = 'snapshot'): void {
    createSnapshot(this.#world, requireVm(this.#world, vm), name, '');
  }

  /**
   * Takes all of a VM's snapshots away.
   *
   * @param options - `consolidate`: `false` leaves the disks built on others, as a server does that fails at it @defaultValue true
   */
  removeAllSnapshots(vm: VmName, { consolidate = true }: { readonly consolidate?: boolean } = {}): void {
    removeAllSnapshots(this.#world, requireVm(this.#world, vm), consolidate);
  }

  /** @param datacenter - its name @defaultValue the first */
  addDatastore(options: DatastoreOptions, datacenter?: string): void {
    const { clock, registry } = this.#world;
    const found = registry.all(Datacenter).find(({ name }) => datacenter === undefined || name === datacenter);
    if (found === undefined) throw new Error(`there is no datacenter ${datacenter ?? ''}`);
    addDatastore({ clock, registry }, `datastore-${registry.nextNumber('entity')}`, found, options);
  }

  /** Changes a datastore. `freeBytes` is what is to be free now. */
  updateDatastore(
    name: string,
    { capacityBytes, freeBytes, accessible, maintenanceMode, layout }: DatastoreState,
  ): void {
    const datastore = requireDatastore(this.#world, name);
    const { files } = datastore;
    if (capacityBytes !== undefined) files.capacityBytes = capacityBytes;
    if (freeBytes !== undefined) files.foreignBytes += files.freeBytes - freeBytes;
    if (accessible !== undefined) datastore.accessible = accessible;
    if (maintenanceMode !== undefined) datastore.maintenanceMode = maintenanceMode;
    if (layout !== undefined) datastore.layout = layout;
    this.#world.registry.changed();
  }

  /** Free space of a datastore, in bytes. */
  freeBytes(datastore: string): number {
    return requireDatastore(this.#world, datastore).files.freeBytes;
  }

  // Trouble

  /** Makes calls and tasks slower, from now on; a number stands for both. Milliseconds. */
  setLatency(latency: number | Latency): void {
    const { callMs = 0, taskMs = 0 } = typeof latency === 'number' ? { callMs: latency, taskMs: latency } : latency;
    this.#world.settings.latency = { callMs, taskMs };
  }

  /** Changes what this server does differently from others, from now on. */
  setQuirks(quirks: Partial<Quirks>): void {
    this.#world.settings.quirks = { ...this.#world.settings.quirks, ...quirks };
  }

  /** What time the server's clock shows, in milliseconds since 1970. */
  now(): number {
    return this.#world.clock.now();
  }

  /** Lets time pass on the server's clock, in milliseconds: leases and sessions that are overdue then have ended. */
  advanceTime(ms: number): void {
    this.#world.clock.advance(ms);
  }

  /**
   * Ends all sessions, as their expiry would.
   *
   * @param options - `answer`: what their further calls are answered with @defaultValue as the option `endedSessions` says
   */
  expireSessions({ answer }: { readonly answer?: EndedSessionAnswer } = {}): void {
    this.#world.sessions.closeAll(answer);
  }

  /** Makes a call go wrong. */
  injectFault(fault: CallFault): InjectedCallFault {
    return this.#parts.callFaults.inject(fault);
  }

  /** Makes a transfer go wrong. */
  injectTransferFault(fault: TransferFault): InjectedFault {
    return this.#parts.transferFaults.inject(fault);
  }

  /** Takes back what was injected and has not happened yet. */
  clearFaults(): void {
    this.#parts.callFaults.clear();
    this.#parts.transferFaults.clear();
  }

  /**
   * Calls `listener` before and after each call's effect; the call waits for it.
   *
   * @returns ends it
   */
  onCall(listener: CallListener): () => void {
    return this.#parts.listeners.add(listener);
  }

  /** Cuts all connections and frees everything. */
  close(): Promise<void> {
    this.#closing ??= this.#parts.close();
    return this.#closing;
  }

  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
