/** The other process of `memory.ts`: a simulator with one volume whose disk holds something. */
import { randomFillSync, randomUUID } from 'node:crypto';
import { startSimulator } from '../src/simulator/index.js';
import type { SoapVimSessionOptions } from '../src/vim/index.js';

/** What the measuring process is told. */
export interface Ready {
  readonly session: SoapVimSessionOptions;
  readonly volume: { readonly id: string; readonly size: number };
}

const MIB = 2 ** 20;
const [sizeGiB = 4, usedMiB = 1024] = process.argv.slice(2).map(Number);

/** Half noise, half text, in pieces spread over the disk. */
function* content(): Generator<{ position: number; chunk: Buffer }> {
  const stride = Math.floor((sizeGiB * 1024) / usedMiB) * MIB;
  const text = Buffer.alloc(MIB / 2, 'what a volume holds, again and again ');
  for (let i = 0; i < usedMiB; i++) {
    const chunk = Buffer.concat([randomFillSync(Buffer.alloc(MIB / 2)), text]);
    yield { position: i * stride, chunk };
  }
}

const simulator = await startSimulator();
const id = randomUUID();
const vm = await simulator.addVm({
  name: `volume-${id}`,
  instanceUuid: id,
  disk: { capacityBytes: sizeGiB * 1024 * MIB, uuid: id },
  extraConfig: { 'cinder.volume.id': id },
});
for (const { position, chunk } of content()) await simulator.writeDisk(vm.disks[0]?.path ?? '', chunk, position);

const { host, port, username, password, thumbprint } = simulator;
const ready: Ready = { session: { host, port, username, password, thumbprint }, volume: { id, size: sizeGiB } };
process.send?.(ready);
process.on('disconnect', () => void simulator.close().then(() => process.exit()));
