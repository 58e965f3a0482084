import { NoValidDatastoreError, NoValidHostError, type RejectedCandidate } from '../errors/index.js';
import { compatibleDatastores } from '../pbm/compatible-datastores.js';
import { lookWithinOneSession } from '../vim/look-within-one-session.js';
import { readPropertiesOfEach, type UnreadableObject } from '../vim/property-collector.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type ComputeResource, type Datacenter, listComputeResources, listDatacenters } from './inventory.js';

/** Where a new VM goes. */
export interface Placement {
  readonly datacenter: MoRef;
  /** The root of the datacenter's VM folders. */
  readonly vmFolder: MoRef;
  readonly datastore: MoRef;
  readonly datastoreName: string;
  readonly host: MoRef;
  readonly resourcePool: MoRef;
}

/** What placing a disk goes by. */
export interface PlacementRules {
  readonly clusters: readonly string[] | undefined;
  readonly datastoreRegex: string | undefined;
  /** The only one it may go to. */
  readonly datacenter?: MoRef | undefined;
  /** Id of the storage policy a datastore must comply with. */
  readonly storageProfile?: string | undefined;
}

/** Datastore types a volume's disk may lie on (`DatastoreSummary.type`, in lower case). */
const supportedTypes = ['nfs', 'nfs41', 'vmfs', 'vsan', 'vvol'];

/** A host that can take a VM, with the resource pool it belongs to. */
interface UsableHost {
  readonly ref: MoRef;
  readonly resourcePool: MoRef;
}

/**
 * Chooses where a disk of a size goes, as Cinder does: a supported, accessible datastore with enough room that a usable
 * host has mounted for writing; of those, the one with the most host mounts, then the least utilised. What cannot be read
 * is passed over.
 *
 * That there is no such place is believed only if one session lasted for the whole look.
 *
 * @throws NoValidHostError, NoValidDatastoreError that name every candidate and why it was rejected
 * @throws VimConnectionError where the session ends again and again
 */
export async function placeDisk(
  vim: VimSession,
  rules: PlacementRules,
  neededBytes: number,
  options: AbortableOptions,
): Promise<Placement> {
  let refusal: unknown;
  const look = (): Promise<Placement | undefined> =>
    findPlace(vim, rules, neededBytes, options).catch((error: unknown) => {
      if (!(error instanceof NoValidHostError || error instanceof NoValidDatastoreError)) throw error;
      refusal = error;
      return undefined;
    });
  const place = (await look()) ?? (await lookWithinOneSession(vim, look, options));
  if (place === undefined) throw refusal;
  return place;
}

async function findPlace(
  vim: VimSession,
  rules: PlacementRules,
  neededBytes: number,
  options: AbortableOptions,
): Promise<Placement> {
  const rejected: RejectedCandidate[] = [];
  const onUnreadable = rejectInto(rejected);
  const datacenters = (await listDatacenters(vim, { ...options, onUnreadable })).filter(
    ({ ref }) => rules.datacenter === undefined || ref.value === rules.datacenter.value,
  );
  const resources = await listComputeResources(vim, { ...options, onUnreadable });
  const hosts = await usableHosts(vim, inClusters(resources, rules.clusters, rejected), rejected, options);

  if (hosts.size === 0) throw new NoValidHostError('no host can take a VM', rejected);

  const candidates = [];
  const datastores = datacenters.flatMap(datastoresOf);
  const complies = await compliance(vim, rules, datastores, options);
  const { found, unreadable } = await readPropertiesOfEach(vim, datastores, 'Datastore', ['summary', 'host'], options);
  unreadable.forEach(onUnreadable);
  for (const { ref, properties } of found) {
    const { summary, host: mounts = [] } = properties;
    const host = mounts.filter(isWritable).map(hostAmong(hosts)).find(isDefined);
    const reason =
      whyNot(summary, rules, neededBytes) ??
      (complies(ref) ? undefined : 'does not comply with the storage policy') ??
      (host ? undefined : 'no usable host has it mounted for writing');
    if (reason !== undefined || host === undefined) rejected.push({ name: summary.name, reason: reason ?? '' });
    else candidates.push({ ref, summary, mounts: mounts.length, host });
  }

  const [best] = candidates.sort((a, b) => b.mounts - a.mounts || utilisation(a.summary) - utilisation(b.summary));
  const datacenter =
    best && datacenters.find(({ datastores }) => datastores.some(({ value }) => value === best.ref.value));
  if (best === undefined || datacenter === undefined) {
    throw new NoValidDatastoreError(`no datastore can take a disk of ${neededBytes} bytes`, rejected);
  }
  return {
    datacenter: datacenter.ref,
    vmFolder: datacenter.vmFolder,
    datastore: best.ref,
    datastoreName: best.summary.name,
    host: best.host.ref,
    resourcePool: best.host.resourcePool,
  };
}

/** Tells whether a datastore complies with the wanted storage policy. Nobody is asked where none is wanted. */
async function compliance(
  vim: VimSession,
  { storageProfile }: PlacementRules,
  datastores: readonly MoRef[],
  options: AbortableOptions,
): Promise<(datastore: MoRef) => boolean> {
  if (storageProfile === undefined) return () => true;
  const compatible = await compatibleDatastores(vim, storageProfile, datastores, options);
  return ({ value }) => compatible.has(value);
}

/** What cannot be read is no place for a disk, and no reason not to take another. */
function rejectInto(rejected: RejectedCandidate[]): (object: UnreadableObject) => void {
  return ({ ref, error }) => {
    rejected.push({ name: `${ref.type} ${ref.value}`, reason: error.message });
  };
}

function datastoresOf({ datastores }: Datacenter): readonly MoRef[] {
  return datastores;
}

function inClusters(
  resources: readonly ComputeResource[],
  clusters: readonly string[] | undefined,
  rejected: RejectedCandidate[],
): readonly ComputeResource[] {
  if (clusters === undefined) return resources;
  for (const name of clusters) {
    if (!resources.some((resource) => resource.name === name)) rejected.push({ name, reason: 'no such cluster' });
  }
  return resources.filter(({ name }) => clusters.includes(name));
}

/** The hosts that are connected and not in maintenance, by reference. */
async function usableHosts(
  vim: VimSession,
  resources: readonly ComputeResource[],
  rejected: RejectedCandidate[],
  options: AbortableOptions,
): Promise<ReadonlyMap<string, UsableHost>> {
  const pools = new Map(
    resources.flatMap(({ hosts, resourcePool }) => hosts.map(({ value }) => [value, resourcePool])),
  );
  const refs = resources.flatMap(({ hosts }) => hosts);
  const usable = new Map<string, UsableHost>();
  if (refs.length === 0) return usable;
  const { found, unreadable } = await readPropertiesOfEach(vim, refs, 'HostSystem', ['name', 'runtime'], options);
  unreadable.forEach(rejectInto(rejected));
  for (const { ref, properties } of found) {
    const { connectionState, inMaintenanceMode } = properties.runtime;
    const resourcePool = pools.get(ref.value);
    if (connectionState !== 'connected') rejected.push({ name: properties.name, reason: `host is ${connectionState}` });
    else if (inMaintenanceMode) rejected.push({ name: properties.name, reason: 'host is in maintenance mode' });
    else if (resourcePool === undefined) rejected.push({ name: properties.name, reason: 'host has no resource pool' });
    else usable.set(ref.value, { ref, resourcePool });
  }
  return usable;
}

function hostAmong(hosts: ReadonlyMap<string, UsableHost>) {
  return ({ key }: VimObject<'DatastoreHostMount'>): UsableHost | undefined => hosts.get(key.value);
}

function isWritable({ mountInfo }: VimObject<'DatastoreHostMount'>): boolean {
  return mountInfo.accessMode === 'readWrite' && mountInfo.mounted !== false && mountInfo.accessible === true;
}

function whyNot(
  summary: VimObject<'DatastoreSummary'>,
  { datastoreRegex }: PlacementRules,
  neededBytes: number,
): string | undefined {
  if (!supportedTypes.includes(summary.type.toLowerCase())) return `type ${summary.type} is not supported`;
  if (datastoreRegex !== undefined && !new RegExp(datastoreRegex).test(summary.name)) {
    return `name does not match ${datastoreRegex}`;
  }
  if (!summary.accessible) return 'not accessible';
  if (summary.maintenanceMode !== undefined && summary.maintenanceMode !== 'normal') {
    return `maintenance mode ${summary.maintenanceMode}`;
  }
  if (summary.freeSpace < neededBytes) return `${summary.freeSpace} bytes free, ${neededBytes} needed`;
  return undefined;
}

function utilisation({ capacity, freeSpace }: VimObject<'DatastoreSummary'>): number {
  return 1 - freeSpace / capacity;
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
