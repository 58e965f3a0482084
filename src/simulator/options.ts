import type { Provisioning } from './storage/disk-file.js';

/** Which product the simulator is. */
export type SimulatorMode = 'vcenter' | 'esxi';

/** A host. */
export interface HostOptions {
  readonly name: string;
  /** @defaultValue `connected` */
  readonly connectionState?: 'connected' | 'disconnected' | 'notResponding' | undefined;
  /** @defaultValue false */
  readonly inMaintenanceMode?: boolean | undefined;
}

/** A cluster and its hosts. */
export interface ClusterOptions {
  readonly name: string;
  readonly hosts: readonly HostOptions[];
}

/** How a host has mounted a datastore. */
export interface MountOptions {
  /** The host's name. */
  readonly host: string;
  /** @defaultValue `readWrite` */
  readonly accessMode?: 'readWrite' | 'readOnly' | undefined;
  /** Left out of answers where undefined, as servers do; then it counts as mounted. */
  readonly mounted?: boolean | undefined;
  /** @defaultValue true */
  readonly accessible?: boolean | undefined;
}

/** What of a datastore can be changed while the simulator runs. */
export interface DatastoreState {
  /** In bytes. @defaultValue 10 TiB */
  readonly capacityBytes?: number | undefined;
  /** What is free with nothing in it, in bytes. @defaultValue all of it */
  readonly freeBytes?: number | undefined;
  /** @defaultValue true */
  readonly accessible?: boolean | undefined;
  /** @defaultValue `normal` */
  readonly maintenanceMode?: 'normal' | 'enteringMaintenance' | 'inMaintenance' | undefined;
  /** Whether VMs whose home it is have a `layout`. @defaultValue true */
  readonly layout?: boolean | undefined;
}

/** A datastore. */
export interface DatastoreOptions extends DatastoreState {
  readonly name: string;
  /** @defaultValue `VMFS` */
  readonly type?: string | undefined;
  /**
   * What every disk becomes that is made in it, whatever was asked for: vSAN, and NFS without hardware acceleration,
   * keep all disks thin. @defaultValue what was asked for
   */
  readonly provisioning?: Provisioning | undefined;
  /** Who has mounted it. @defaultValue every host of its datacenter, for reading and writing */
  readonly mounts?: readonly MountOptions[] | undefined;
}

/** A datacenter and what is in it. */
export interface DatacenterOptions {
  readonly name: string;
  readonly clusters: readonly ClusterOptions[];
  readonly datastores: readonly DatastoreOptions[];
}

/** A storage policy. */
export interface StoragePolicyOptions {
  readonly name: string;
  /** @defaultValue a new one */
  readonly id?: string | undefined;
  /** Names of the datastores that comply with it. */
  readonly compatibleDatastores: readonly string[];
}

/**
 * What calls of a session that has ended are answered with:
 *
 * - `fault`: `NotAuthenticated`
 * - `missing-set`: property reads name the objects asked for, each property missing with `NotAuthenticated`; else the fault
 * - `empty`: property reads find nothing; else the fault
 * - `blind`: searches find nothing and waits end at once with nothing, too
 */
export type EndedSessionAnswer = 'fault' | 'missing-set' | 'empty' | 'blind';

/** Somebody who may log in. */
export interface UserOptions {
  readonly username: string;
  readonly password: string;
}

/** Where nothing tells how servers behave, or they differ. */
export interface Quirks {
  /** Whether `DeleteVirtualDisk_Task` of a disk that is built on another deletes that as well. @defaultValue true */
  readonly deleteParents: boolean;
  /**
   * When a reconfigure of nothing but `extraConfig` moves `changeVersion` on: `always`, or `changed` where a value is another
   * one than before, or `never`. @defaultValue `always`
   */
  readonly extraConfigMovesChangeVersion: 'always' | 'changed' | 'never';
  /** Whether a reconfigure that gives a name is refused at another `changeVersion` than it names. @defaultValue true */
  readonly nameHonoursChangeVersion: boolean;
  /** Whether an imported VM gets the BIOS UUID it is given. @defaultValue true */
  readonly keepsImportedUuid: boolean;
  /** What the task of an import is shown on: the VM that is imported, or the resource pool it goes to. @defaultValue `vm` */
  readonly importTaskOn: 'vm' | 'resourcePool';
  /** Whether destroying a VM is all or nothing. `false`: its files go, it fails, and the VM stays. @defaultValue true */
  readonly atomicDestroy: boolean;
  /** Whether a disk can be taken from a VM that has snapshots, which keep it. @defaultValue false */
  readonly detachesUnderSnapshots: boolean;
  /** The fault that `SetVirtualDiskUuid` ends with, of any type. @defaultValue none */
  readonly setDiskUuidFault: string | undefined;
  /** The fault that `MoveVirtualDisk_Task` ends with, of any type, as on a datastore that cannot move disks. @defaultValue none */
  readonly moveDiskFault: string | undefined;
}

/** Options of `startSimulator`. Times are milliseconds unless the name says otherwise. */
export interface SimulatorOptions {
  /** @defaultValue `vcenter` */
  readonly mode?: SimulatorMode | undefined;
  /** The address to listen on. @defaultValue `127.0.0.1` */
  readonly host?: string | undefined;
  /** The SOAP server's port. @defaultValue 0: any that is free */
  readonly port?: number | undefined;
  /** @defaultValue `administrator@vsphere.local`, or `root` on an ESXi */
  readonly username?: string | undefined;
  /** @defaultValue `simulator` */
  readonly password?: string | undefined;
  /** Who may log in besides. @defaultValue nobody */
  readonly users?: readonly UserOptions[] | undefined;
  /** What there is. An ESXi has one datacenter, one cluster and one host. @defaultValue one datacenter, one cluster, two hosts (ESXi: one), two datastores */
  readonly datacenters?: readonly DatacenterOptions[] | undefined;
  /** The storage policies of a vCenter. @defaultValue none */
  readonly storagePolicies?: readonly StoragePolicyOptions[] | undefined;
  /** Whether a vCenter's storage policy service runs; where it does not, HTTP 503 is all there is. @defaultValue true */
  readonly storagePolicyService?: boolean | undefined;
  /** How far the server's clock is ahead of the real one; negative where it is slow. `advanceTime()` moves it on. @defaultValue 0 */
  readonly clockAheadMs?: number | undefined;
  /** A session unused for so long is gone. @defaultValue 30 minutes */
  readonly sessionIdleMs?: number | undefined;
  /** What calls of sessions that have ended are answered with. @defaultValue `fault` */
  readonly endedSessions?: EndedSessionAnswer | undefined;
  /** How many calls are remembered, the latest ones; fewer where they are long. @defaultValue 10 000 */
  readonly rememberedCalls?: number | undefined;
  /** How long an NFC lease lives without progress reports, in seconds; fractions are allowed. @defaultValue 300 */
  readonly leaseTimeoutSeconds?: number | undefined;
  /** How long an ended lease can still be asked about. @defaultValue 10 000 */
  readonly leaseRetentionMs?: number | undefined;
  /**
   * What stands as host in lease URLs: the real address with port, `*`, or `*:port`.
   *
   * @defaultValue `address`; on an ESXi `*`
   */
  readonly leaseUrlHost?: 'address' | '*' | '*:port' | undefined;
  /**
   * Whether disks move through a second server with a certificate of its own, as an ESXi host's in a vCenter.
   *
   * @defaultValue true; on an ESXi false
   */
  readonly separateNfcServer?: boolean | undefined;
  /** What lease URLs say about the certificate. @defaultValue `sha1` */
  readonly leaseThumbprint?: 'sha1' | 'sha256' | 'none' | undefined;
  /** Whether exports have a manifest (vSphere 6.7 and later); `HttpNfcLeaseGetManifest` is `NotSupported` without. @defaultValue true */
  readonly manifest?: boolean | undefined;
  /** How exports tell their length. `content-length` encodes a disk twice: once to know it. @defaultValue `chunked` */
  readonly exportLength?: 'chunked' | 'content-length' | undefined;
  /** Threads that encode or decode, for each transfer. @defaultValue 1 */
  readonly codecWorkers?: number | undefined;
  /**
   * Whether a reconfigure is all or nothing, as the API promises. `false` applies what comes before the change that fails, as
   * some other simulators do.
   *
   * @defaultValue true
   */
  readonly atomicReconfigure?: boolean | undefined;
  /** What servers do differently. @defaultValue see {@link Quirks} */
  readonly quirks?: Partial<Quirks> | undefined;
  /** How long each call and each task takes. @defaultValue 0 */
  readonly latency?: Latency | undefined;
  /** Where the temporary directory with the disks' bytes is made. @defaultValue the system's */
  readonly directory?: string | undefined;
  /** Is handed every SOAP exchange, to be recorded or checked. @defaultValue nothing */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

/** A SOAP request and its reply, as they went over the wire. */
export interface Exchange {
  /** With everything in it, passwords too. */
  readonly request: string;
  readonly reply: string;
}

/** How long things take, in milliseconds. */
export interface Latency {
  /** From a call's arrival to its effect. @defaultValue 0 */
  readonly callMs?: number | undefined;
  /** From a task's start to its effect. @defaultValue 0 */
  readonly taskMs?: number | undefined;
}

/** The options with their defaults filled in. */
export interface Settings {
  readonly mode: SimulatorMode;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly users: readonly UserOptions[];
  readonly datacenters: readonly DatacenterOptions[];
  readonly storagePolicies: readonly StoragePolicyOptions[];
  readonly storagePolicyService: boolean;
  readonly clockAheadMs: number;
  readonly sessionIdleMs: number;
  readonly endedSessions: EndedSessionAnswer;
  readonly rememberedCalls: number;
  readonly leaseTimeoutSeconds: number;
  readonly leaseRetentionMs: number;
  readonly leaseUrlHost: 'address' | '*' | '*:port';
  readonly separateNfcServer: boolean;
  readonly leaseThumbprint: 'sha1' | 'sha256' | 'none';
  readonly manifest: boolean;
  readonly exportLength: 'chunked' | 'content-length';
  readonly codecWorkers: number;
  readonly atomicReconfigure: boolean;
  readonly directory: string | undefined;
  readonly onExchange: ((exchange: Exchange) => void) | undefined;
  /** Changeable: `setQuirks`. */
  quirks: Quirks;
  /** Changeable: `setLatency`. */
  latency: Required<{ [K in keyof Latency]: number }>;
}

const usualQuirks: Quirks = {
  deleteParents: true,
  detachesUnderSnapshots: false,
  extraConfigMovesChangeVersion: 'always',
  nameHonoursChangeVersion: true,
  keepsImportedUuid: true,
  importTaskOn: 'vm',
  atomicDestroy: true,
  setDiskUuidFault: undefined,
  moveDiskFault: undefined,
};

/** Fills in the defaults. */
export function resolveOptions(options: SimulatorOptions): Settings {
  const mode = options.mode ?? 'vcenter';
  const vcenter = mode === 'vcenter';
  return {
    mode,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    username: options.username ?? (vcenter ? 'administrator@vsphere.local' : 'root'),
    password: options.password ?? 'simulator',
    users: options.users ?? [],
    datacenters: options.datacenters ?? [defaultDatacenter(vcenter)],
    storagePolicies: options.storagePolicies ?? [],
    storagePolicyService: options.storagePolicyService ?? true,
    clockAheadMs: options.clockAheadMs ?? 0,
    sessionIdleMs: options.sessionIdleMs ?? 30 * 60_000,
    endedSessions: options.endedSessions ?? 'fault',
    rememberedCalls: options.rememberedCalls ?? 10_000,
    leaseTimeoutSeconds: options.leaseTimeoutSeconds ?? 300,
    leaseRetentionMs: options.leaseRetentionMs ?? 10_000,
    leaseUrlHost: options.leaseUrlHost ?? (vcenter ? 'address' : '*'),
    separateNfcServer: options.separateNfcServer ?? vcenter,
    leaseThumbprint: options.leaseThumbprint ?? 'sha1',
    manifest: options.manifest ?? true,
    exportLength: options.exportLength ?? 'chunked',
    codecWorkers: options.codecWorkers ?? 1,
    atomicReconfigure: options.atomicReconfigure ?? true,
    directory: options.directory,
    onExchange: options.onExchange,
    quirks: { ...usualQuirks, ...options.quirks },
    latency: { callMs: options.latency?.callMs ?? 0, taskMs: options.latency?.taskMs ?? 0 },
  };
}

function defaultDatacenter(vcenter: boolean): DatacenterOptions {
  const hosts = (vcenter ? ['esx1.example', 'esx2.example'] : ['localhost.localdomain']).map((name) => ({ name }));
  return {
    name: vcenter ? 'DC0' : 'ha-datacenter',
    clusters: [{ name: vcenter ? 'Cluster0' : 'localhost.localdomain', hosts }],
    datastores: [{ name: 'datastore1' }, { name: 'datastore2' }],
  };
}
