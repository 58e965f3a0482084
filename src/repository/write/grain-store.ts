import { EventLoopTurns } from '../../event-loop-turns.js';
import type { GrainBatch } from '../stream/grain-batch.js';
import type { MemoryPool } from '../stream/memory-pool.js';
import type { KeyedMemory } from '../vault/hash-memory.js';
import type { Vault } from '../vault/vault.js';
import type { MapWriter } from './map-writer.js';
import type { PackWriter } from './pack-writer.js';

/** Batches that are hashed while the next is collected. */
const mostHashed = 2;

/** A batch whose memory is away to be hashed. */
interface HashedBatch {
  readonly grains: GrainBatch['grains'];
  readonly hashing: Promise<KeyedMemory>;
}

/** Stores the grains the parent does not have, and says in the map where each is. */
export class GrainStore {
  readonly #vault: Vault;
  readonly #packs: PackWriter;
  readonly #map: MapWriter;
  readonly #memory: MemoryPool;
  /** In the order of the disk. */
  readonly #hashed: HashedBatch[] = [];
  #grainsNew = 0;
  #grainsSame = 0;
  #mostAreNew = true;

  /** @param memory what the batches lie in */
  constructor(vault: Vault, packs: PackWriter, map: MapWriter, memory: MemoryPool) {
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

  /** Takes a batch, and stores an earlier one once a few are being hashed. */
  async add({ memory, grains, bounds }: GrainBatch): Promise<void> {
    const hashing = this.#vault.keysIn(memory, bounds);
    // Its failure is met when its turn comes; until then it must not count as unhandled.
    hashing.catch(() => undefined);
    this.#hashed.push({ grains, hashing });
    if (this.#hashed.length > mostHashed) await this.#storeNext();
  }

  /** Stores what is left. */
  async finish(): Promise<void> {
    while (this.#hashed.length > 0) await this.#storeNext();
  }

  async #storeNext(): Promise<void> {
    const batch = this.#hashed.shift();
    if (batch === undefined) return;
    const { memory, keys } = await batch.hashing;
    this.#memory.keep(memory);
    const newBefore = this.#grainsNew;
    const turns = new EventLoopTurns();
    for (const [place, { index, from, to }] of batch.grains.entries()) {
      const key = keys[place];
      if (key === undefined) throw new Error('a grain without a key');
      // Of a disk that was wiped a batch has thousands.
      await turns.pause();
      const ofParent = await this.#map.ofParent(index);
      if (ofParent !== undefined && Buffer.compare(ofParent.key, key) === 0) {
        this.#grainsSame += 1;
        await this.#map.set(index, ofParent);
        continue;
      }
      this.#grainsNew += 1;
      const bytes = memory.subarray(from, to);
      // Where few grains of a batch are new they are copied, or each would keep all of its batch in memory.
      const address = await this.#packs.add(this.#mostAreNew ? bytes : Buffer.from(bytes), key);
      await this.#map.set(index, { ...address, key });
    }
    this.#mostAreNew = this.#grainsNew - newBefore > batch.grains.length / 2;
    this.#memory.release(memory);
  }
}
