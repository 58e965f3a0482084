/** The other process of `many.ts`: a simulator with many small volumes. */
import { randomFillSync, randomUUID } from 'node:crypto';
import { startSimulator } from '../src/simulator/index.js';
import type { SoapVimSessionOptions } from '../src/vim/index.js';

/** What the measuring process is told. */
export interface ManyReady {
  readonly session: SoapVimSessionOptions;
  readonly volumes: readonly { readonly id: string; readonly size: number }[];
}

const [count = 500, kib = 1024] = process.argv.slice(2).map(Number);

// The disks of each half are reached by a host of their own.
const hosts = ['host1', 'host2'];
const simulator = await startSimulator({
  datacenters: [
    {
      name: 'DC0',
      clusters: [{ name: 'cluster1', hosts: hosts.map((name) => ({ name })) }],
      datastores: hosts.map((host) => ({ name: `datastore-of-${host}`, mounts: [{ host }] })),
    },
  ],
});
const volumes = [];
for (let i = 0; i < count; i++) {
  const id = randomUUID();
  const vm = await simulator.addVm({
    name: `volume-${id}`,
    instanceUuid: id,
    disk: { capacityBytes: 2 ** 30, uuid: id },
    extraConfig: { 'cinder.volume.id': id },
    datastore: `datastore-of-${hosts[i % 2]}`,
  });
  await simulator.writeDisk(vm.disks[0]?.path ?? '', randomFillSync(Buffer.alloc(kib * 1024)), 0);
  volumes.push({ id, size: 1 });
}

const { host, port, username, password, thumbprint } = simulator;
const ready: ManyReady = { session: { host, port, username, password, thumbprint }, volumes };
process.send?.(ready);
process.on('disconnect', () => void simulator.close().then(() => process.exit()));
