import { randomBytes, randomUUID } from 'node:crypto';
import type { Volume } from '../../../src/index.js';
import { type Simulator, startSimulator } from '../../../src/simulator/index.js';
import type { ProofStore, ServedVcenter } from './order.js';
import { serviceOf } from './services.js';

/** Leases end so soon, in seconds, when nobody keeps them alive. */
export const leaseSeconds = 15;

/** A volume, and what its disk held when it was backed up. */
export interface ProofVolume {
  readonly vcenter: string;
  readonly volume: Volume;
  readonly backup: { readonly id: string; readonly volumeId: string };
  readonly content: string;
}

/** A simulated vCenter of a proof, and the most transfers that it saw at once with each host. */
export class ProofVcenter implements AsyncDisposable {
  readonly volumes: ProofVolume[] = [];
  readonly most = new Map<string, number>();
  readonly #watching: NodeJS.Timeout;

  private constructor(
    readonly served: ServedVcenter,
    readonly simulator: Simulator,
  ) {
    const look = (): void => {
      this.#countTransfers();
    };
    simulator.onCall(look);
    this.#watching = setInterval(look, 20);
  }

  static async start(name: string, store: ProofStore): Promise<ProofVcenter> {
    const simulator = await startSimulator({
      password: randomUUID(),
      leaseTimeoutSeconds: leaseSeconds,
      latency: { callMs: 15, taskMs: 15 },
      rememberedCalls: 0,
    });
    const { host, port, username, password, thumbprint } = simulator;
    return new ProofVcenter({ name, host, port, username, password, thumbprint, store }, simulator);
  }

  get service() {
    return serviceOf(this.served.store);
  }

  async addVolume(): Promise<void> {
    const volume = { id: randomUUID(), size: 1 };
    const vm = await this.simulator.addVm({
      name: `volume-${volume.id}`,
      instanceUuid: volume.id,
      disk: { capacityBytes: 1024 ** 3, uuid: volume.id },
      extraConfig: { 'cinder.volume.id': volume.id },
    });
    await this.simulator.writeDisk(vm.disks[0]!.path, randomBytes(256 * 1024));
    const backup = { id: `backup-${volume.id}`, volumeId: volume.id };
    this.volumes.push({ vcenter: this.served.name, volume, backup, content: await this.contentOf(volume) });
  }

  async contentOf({ id }: Pick<Volume, 'id'>): Promise<string> {
    const vms = this.simulator.vms().filter(({ instanceUuid }) => instanceUuid === id);
    const disks = vms.flatMap((vm) => vm.disks);
    if (vms.length !== 1 || disks.length !== 1) return `${vms.length} VMs with ${disks.length} disks`;
    return this.simulator.diskFingerprint(disks[0]!.path);
  }

  async change({ id }: Pick<Volume, 'id'>): Promise<void> {
    const vm = this.simulator.vms().find(({ instanceUuid }) => instanceUuid === id)!;
    await this.simulator.writeDisk(vm.disks[0]!.path, randomBytes(64 * 1024));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watching);
    await this.simulator.close();
  }

  #countTransfers(): void {
    const open = this.simulator.leases().filter(({ transfers }) => transfers.some(({ state }) => state === 'open'));
    if (open.length === 0) return;
    const hosts = new Map(this.simulator.vms().map(({ ref, name, host }) => [ref.value, { name, host }]));
    const counts = new Map<string, number>();
    for (const { vm } of open) {
      const host = hosts.get(vm)?.host ?? [...hosts.values()].find(({ name }) => name === vm)?.host ?? 'unknown';
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    for (const [host, count] of counts) this.most.set(host, Math.max(count, this.most.get(host) ?? 0));
  }
}
