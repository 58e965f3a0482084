import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { placeDisk } from '../../src/backing/placement.js';
import { NoValidDatastoreError, NoValidHostError } from '../../src/index.js';
import {
  type ClusterOptions,
  type DatacenterOptions,
  type DatastoreOptions,
  type HostOptions,
  startSimulator,
} from '../../src/simulator/index.js';
import { SoapVimSession } from '../../src/vim/index.js';

const GiB = 2 ** 30;

interface Inventory {
  readonly datacenters: readonly DatacenterOptions[];
  readonly clusters: readonly string[] | undefined;
  readonly datastoreRegex: string | undefined;
  readonly neededBytes: number;
}

const host = (name: string) =>
  fc.record({
    name: fc.constant(name),
    connectionState: fc.constantFrom('connected', 'connected', 'connected', 'disconnected', 'notResponding'),
    inMaintenanceMode: fc.constantFrom(false, false, true),
  });

const datastore = (name: string, hosts: readonly string[]): fc.Arbitrary<DatastoreOptions> =>
  fc
    .record({
      type: fc.constantFrom('VMFS', 'NFS', 'NFS41', 'vsan', 'VVOL', 'CIFS'),
      capacityGiB: fc.constantFrom(100, 200, 400),
      usedTenths: fc.integer({ min: 0, max: 10 }),
      accessible: fc.constantFrom(true, true, true, false),
      maintenanceMode: fc.constantFrom('normal' as const, 'normal' as const, 'inMaintenance' as const),
      mounts: fc.subarray([...hosts], { minLength: 1 }),
      accessMode: fc.constantFrom('readWrite' as const, 'readWrite' as const, 'readOnly' as const),
    })
    .map(({ type, capacityGiB, usedTenths, accessible, maintenanceMode, mounts, accessMode }) => ({
      name,
      type,
      capacityBytes: capacityGiB * GiB,
      freeBytes: Math.floor((capacityGiB * GiB * (10 - usedTenths)) / 10),
      accessible,
      maintenanceMode,
      mounts: mounts.map((mounted) => ({ host: mounted, accessMode })),
    }));

const datacenter = (index: number): fc.Arbitrary<DatacenterOptions> => {
  const hosts = [0, 1, 2].map((h) => `host${index}${h}`);
  const clusters = fc.tuple(...hosts.map(host)).map(([a, b, c]): ClusterOptions[] => [
    { name: `cluster${index}0`, hosts: [a!, b!] },
    { name: `cluster${index}1`, hosts: [c!] },
  ]);
  const datastores = fc.tuple(...['red', 'green', 'blue'].map((color) => datastore(`${color}${index}`, hosts)));
  return fc.record({ name: fc.constant(`dc${index}`), clusters, datastores });
};

const inventory: fc.Arbitrary<Inventory> = fc.record({
  datacenters: fc.tuple(datacenter(0), datacenter(1)),
  clusters: fc.option(fc.subarray(['cluster00', 'cluster01', 'cluster10', 'cluster11'], { minLength: 1 }), {
    nil: undefined,
  }),
  datastoreRegex: fc.constantFrom(undefined, undefined, '^(red|blue)', '0$'),
  neededBytes: fc.constantFrom(1, 50, 150, 390).map((gib) => gib * GiB),
});

function hostsOf({ datacenters, clusters }: Inventory): HostOptions[] {
  return datacenters
    .flatMap((dc) => dc.clusters)
    .filter(({ name }) => clusters === undefined || clusters.includes(name))
    .flatMap((cluster) => cluster.hosts);
}

function usableHosts(given: Inventory): HostOptions[] {
  return hostsOf(given).filter(
    ({ connectionState, inMaintenanceMode }) => connectionState === 'connected' && inMaintenanceMode !== true,
  );
}

/** The datastores that are as good as any, found the long way round; the facts are Cinder's rules, one by one. */
function bestDatastores({ datacenters, clusters, datastoreRegex, neededBytes }: Inventory): string[] {
  const good: { name: string; mounts: number; utilisation: number }[] = [];
  for (const dc of datacenters) {
    for (const ds of dc.datastores) {
      let mountedByUsable = false;
      for (const cluster of dc.clusters) {
        if (clusters !== undefined && !clusters.includes(cluster.name)) continue;
        for (const candidate of cluster.hosts) {
          if (candidate.connectionState !== 'connected' || candidate.inMaintenanceMode === true) continue;
          for (const mount of ds.mounts ?? []) {
            if (mount.host === candidate.name && mount.accessMode === 'readWrite') mountedByUsable = true;
          }
        }
      }
      if (!mountedByUsable) continue;
      if (!['VMFS', 'NFS', 'NFS41', 'vsan', 'VVOL'].includes(ds.type ?? '')) continue;
      if (ds.accessible !== true || ds.maintenanceMode !== 'normal') continue;
      if (datastoreRegex !== undefined && !new RegExp(datastoreRegex).test(ds.name)) continue;
      if ((ds.freeBytes ?? 0) < neededBytes) continue;
      good.push({
        name: ds.name,
        mounts: ds.mounts?.length ?? 0,
        utilisation: 1 - (ds.freeBytes ?? 0) / (ds.capacityBytes ?? 1),
      });
    }
  }
  const mostMounts = Math.max(...good.map(({ mounts }) => mounts));
  const most = good.filter(({ mounts }) => mounts === mostMounts);
  const least = Math.min(...most.map(({ utilisation }) => utilisation));
  return most.filter(({ utilisation }) => Math.abs(utilisation - least) < 1e-12).map(({ name }) => name);
}

test('placement is what going through all candidates by hand gives', async () => {
  await fc.assert(
    fc.asyncProperty(inventory, async (given) => {
      await using simulator = await startSimulator({ datacenters: given.datacenters });
      const { host: address, port, username, password, thumbprint } = simulator;
      await using vim = new SoapVimSession({ host: address, port, username, password, thumbprint });
      await vim.connect();
      const expected = bestDatastores(given);
      const { clusters, datastoreRegex, neededBytes } = given;

      const placed = await placeDisk(vim, { clusters, datastoreRegex }, neededBytes, {}).catch(
        (error: unknown) => error,
      );

      if (expected.length === 0) {
        const anyHost = usableHosts(given).length > 0;
        expect(placed).toBeInstanceOf(anyHost ? NoValidDatastoreError : NoValidHostError);
        // Every candidate is named with its reason.
        const rejected = (placed as NoValidDatastoreError | NoValidHostError).rejected.map(({ name }) => name);
        const candidates = anyHost
          ? given.datacenters.flatMap((dc) => dc.datastores.map((ds) => ds.name))
          : hostsOf(given).map(({ name }) => name);
        expect(rejected).toEqual(expect.arrayContaining(candidates));
      } else {
        expect(expected).toContain((placed as { datastoreName: string }).datastoreName);
      }
    }),
    { numRuns: 40 },
  );
});
