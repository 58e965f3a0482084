import type { MemoryPool } from './memory-pool.js';

/** How many grains a batch has at most: those of a wiped disk have some thirty bytes, and each of them is work. */
const mostGrains = 2048;

/** Grains as they were received, one after the other in one piece of memory. */
export class GrainBatch {
  readonly memory: Buffer<ArrayBuffer>;
  /** For each grain its place on the disk, in grains, and where it begins and ends in the memory. */
  readonly grains: { readonly index: number; readonly from: number; to: number }[] = [];
  #filled = 0;

  /** @param firstGrainBytes a grain that is larger than a batch has one to itself */
  constructor(memory: MemoryPool, firstGrainBytes: number) {
    this.memory = memory.take(firstGrainBytes);
  }

  hasRoomFor(size: number): boolean {
    return this.grains.length < mostGrains && this.memory.length - this.#filled >= size;
  }

  /** Where each grain begins and ends in the memory. */
  get bounds(): Uint32Array {
    return Uint32Array.from(this.grains.flatMap(({ from, to }) => [from, to]));
  }

  begin(index: number): void {
    this.grains.push({ index, from: this.#filled, to: this.#filled });
  }

  add(bytes: Buffer, from: number, to: number): void {
    const grain = this.grains.at(-1);
    if (grain === undefined) return;
    bytes.copy(this.memory, this.#filled, from, to);
    this.#filled += to - from;
    grain.to = this.#filled;
  }

  /** Gives the last grain up: its bytes so far. */
  undo(): Buffer {
    const grain = this.grains.pop();
    if (grain === undefined) return Buffer.alloc(0);
    this.#filled = grain.from;
    return this.memory.subarray(grain.from, grain.to);
  }
}
