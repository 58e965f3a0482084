import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { CodecPool, type Slot } from './codec-pool.js';
import type { InflateResult } from './codec-worker.js';
import type { GrainGeometry } from './grain-geometry.js';
import type { GrainVisitor } from './stream-parser.js';

/**
 * Grains inflated at once, at most; with 64 KiB grains, 2 MiB of the disk. Less, and on a busy machine the threads wait
 * for each other more than they work.
 */
const BATCH_GRAINS = 32;

/** What the inflater must know, and knows as soon as the first grain comes. */
export interface InflaterContext {
  readonly geometry: GrainGeometry;
  readonly capacityBytes: number;
}

/** Takes inflated parts of the disk, ascending; the buffer is used again when the promise is fulfilled. */
export type DiskWriter = (bytes: Buffer, position: number) => Promise<void>;

/** Grains on their way into a slot, or through a worker. All arrays have one element per grain. */
interface Batch {
  readonly slot: Slot;
  /** Where in the slot their data is. */
  readonly grains: { readonly offset: number; readonly size: number }[];
  /** Their places on the disk, in grains. */
  readonly indexes: number[];
  /** Their markers' bytes in the stream. */
  readonly places: number[];
  result?: Promise<InflateResult>;
}

/**
 * Has the grains that a parser passes inflated by worker threads, some at a time, and gives them on in order. It copies
 * their data into the workers' memory and asks the parser to wait when that is full.
 */
export class GrainInflater implements GrainVisitor {
  #pool: CodecPool | undefined;
  #context: InflaterContext | undefined;
  #batch: Batch | undefined;
  #running: Batch[] = [];
  /** Bytes of the batch's slot that are spoken for, and bytes that have come. */
  #reserved = 0;
  #filled = 0;
  #failure: Error | undefined;

  /**
   * @param context - asked once, when the first grain comes
   * @param write - left out to only check the grains
   */
  constructor(
    readonly workers: number,
    readonly context: () => InflaterContext,
    readonly write?: DiskWriter,
  ) {}

  begin(index: number, size: number, at: number): boolean {
    if (this.#batch !== undefined && !this.#fits(this.#batch, size)) this.#dispatch();
    this.#batch ??= this.#newBatch();
    if (this.#batch === undefined) return false;
    this.#batch.grains.push({ offset: this.#reserved, size });
    this.#batch.indexes.push(index);
    this.#batch.places.push(at);
    this.#reserved += size;
    return true;
  }

  data(bytes: Buffer, from: number, to: number): void {
    if (this.#batch === undefined) throw new Error('data without a grain');
    this.#filled += bytes.copy(this.#batch.slot.input, this.#filled, from, to);
  }

  /**
   * Waits until the parser can go on.
   *
   * @throws InvalidVmdkError `grain-corrupt`, `grain-size`
   */
  async makeRoom(): Promise<void> {
    const oldest = this.#running.shift();
    if (oldest?.result === undefined) throw new Error('no slot is free, and none is used');
    const { zero, bad } = await oldest.result;
    if (bad !== undefined) {
      // Results come in the stream's order, so this is the first bad grain: no other is worth waiting for.
      this.#batch = undefined;
      this.#running = [];
      throw new InvalidVmdkError(bad.reason, oldest.places[bad.index] ?? 0, bad.message);
    }
    if (this.write !== undefined) await this.#writeRuns(this.write, oldest, zero);
    this.#pool?.give(oldest.slot);
  }

  /**
   * Waits until every grain is dealt with. A grain whose data did not all come is left out.
   *
   * @throws InvalidVmdkError `grain-corrupt`, `grain-size`
   */
  async finish(): Promise<void> {
    if (this.#filled < this.#reserved) this.#batch?.grains.pop();
    if (this.#batch !== undefined) this.#dispatch();
    while (this.#running.length > 0) await this.makeRoom();
  }

  /** Ends the threads now: what is running fails with `error`, and what is yet to come. */
  abort(error: Error): void {
    this.#failure = error;
    this.#pool?.abort(error);
  }

  /** Ends the threads. Call it whatever happens. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  #fits(batch: Batch, size: number): boolean {
    return batch.grains.length < BATCH_GRAINS && this.#reserved + size <= batch.slot.input.length;
  }

  #newBatch(): Batch | undefined {
    const slot = this.#openPool().take();
    if (slot === undefined) return undefined;
    this.#reserved = 0;
    this.#filled = 0;
    return { slot, grains: [], indexes: [], places: [] };
  }

  #openPool(): CodecPool {
    if (this.#failure !== undefined) throw this.#failure;
    const { grainBytes } = this.#known().geometry;
    this.#pool ??= new CodecPool(this.workers, {
      grainBytes,
      // A grain's data may have twice a grain's size, so two more than there are grains.
      inputBytes: (BATCH_GRAINS + 2) * grainBytes,
      outputBytes: this.write === undefined ? 0 : BATCH_GRAINS * grainBytes,
    });
    return this.#pool;
  }

  #dispatch(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    const { geometry, capacityBytes } = this.#known();
    const endsDisk = batch.indexes[batch.grains.length - 1] === geometry.grains - 1;
    batch.result = this.#openPool().run({
      kind: 'inflate',
      slot: batch.slot.index,
      grains: batch.grains,
      shortBytes: endsDisk ? capacityBytes % geometry.grainBytes : 0,
      keep: this.write !== undefined,
    });
    this.#running.push(batch);
  }

  /** Writes neighbouring grains at once, and nothing for zeros. */
  async #writeRuns(write: DiskWriter, { slot, indexes }: Batch, zero: readonly boolean[]): Promise<void> {
    const { geometry, capacityBytes } = this.#known();
    const { grainBytes } = geometry;
    for (let from = 0; from < zero.length;) {
      const first = indexes[from] ?? 0;
      let to = from;
      while (to < zero.length && zero[to] === false && indexes[to] === first + (to - from)) to++;
      if (to === from) {
        from++;
        continue;
      }
      const position = first * grainBytes;
      const bytes = Math.min((to - from) * grainBytes, capacityBytes - position);
      await write(slot.output.subarray(from * grainBytes, from * grainBytes + bytes), position);
      from = to;
    }
  }

  #known(): InflaterContext {
    this.#context ??= this.context();
    return this.#context;
  }
}
