import type { Vault } from '../vault/vault.js';
import type { BatchMemory } from '../stream/batch-memory.js';
import type { GrainBatch } from '../stream/grain-batch.js';
import type { MapWriter } from './map-writer.js';
import type { PackWriter } from './pack-writer.js';

/** Stores the grains the parent does not have, and says in the map where each is. */
export class GrainStore {
  readonly #vault: Vault;
  readonly #packs: PackWriter;
  readonly #map: MapWriter;
  readonly #memory: BatchMemory;
  #grainsNew = 0;
  #grainsSame = 0;
  #mostAreNew = true;

  /** @param memory what the batches lie in */
  constructor(vault: Vault, packs: PackWriter, map: MapWriter, memory: BatchMemory) {
    this.#vault = vault;
    this.#packs = packs;
    this.#map = map;
    this.#memory = memory;
  }

  get grainsNew(): number {
    return this.#grainsNew;
  }

  get grainsSame(): number {
    return this.#grainsSame;
  }

  async add({ memory, grains }: GrainBatch): Promise<void> {
    const pieces = grains.map(({ from, to }) => memory.subarray(from, to));
    const keys = await this.#vault.keysOf(pieces);
    const newBefore = this.#grainsNew;
    for (const [place, { index }] of grains.entries()) {
      const [bytes, key] = [pieces[place], keys[place]];
      if (bytes === undefined || key === undefined) throw new Error('a grain without a key');
      const ofParent = await this.#map.ofParent(index);
      if (ofParent !== undefined && Buffer.compare(ofParent.key, key) === 0) {
        this.#grainsSame += 1;
        await this.#map.set(index, ofParent);
        continue;
      }
      this.#grainsNew += 1;
      // Where few grains of a batch are new they are copied, or each would keep all of its batch in memory.
      const address = await this.#packs.add(this.#mostAreNew ? bytes : Buffer.from(bytes), key);
      await this.#map.set(index, { ...address, key });
    }
    this.#mostAreNew = this.#grainsNew - newBefore > grains.length / 2;
    this.#memory.release(memory);
  }
}
