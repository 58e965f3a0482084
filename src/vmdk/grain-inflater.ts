import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { AREAS_PER_WORKER, CodecPool } from './codec-pool.js';
import type { InflateResult } from './codec-worker.js';
import { MAX_GRAIN_DATA, MAX_GRAIN_SECTORS, SECTOR } from './format.js';
import type { GrainGeometry } from './grain-geometry.js';
import { type SharedArea, SharedAreas } from './shared-areas.js';
import type { StreamVisitor } from './stream-visitor.js';

/**
 * Bytes of the disk that are inflated at once, at most, and grains. Less, and on a busy machine the threads wait for
 * each other more than they work.
 */
const BATCH_BYTES = 2 ** 21;
const BATCH_GRAINS = 32;

/** Bytes of the stream that one piece of the workers' memory takes, and of a grain that goes on in it. */
const READ_BYTES = 2 ** 21;
const MAX_DATA_BYTES = MAX_GRAIN_DATA * MAX_GRAIN_SECTORS * SECTOR;

/** What the inflater must know, and knows as soon as the first grain comes. */
export interface InflaterContext {
  readonly geometry: GrainGeometry;
  readonly capacityBytes: number;
}

/** Takes inflated parts of the disk, ascending; the buffer is used again when the promise is fulfilled. */
export type DiskWriter = (bytes: Buffer, position: number) => Promise<void>;

/** A piece of the stream in the workers' memory, and the batches that still need it. */
interface Input {
  readonly area: SharedArea;
  batches: number;
}

/** Grains of one input on their way through a worker. All arrays have one element per grain. */
interface Batch {
  readonly input: Input;
  readonly output: SharedArea;
  /** Where in the input their data is. */
  readonly grains: { readonly offset: number; readonly size: number }[];
  /** Their places on the disk, in grains. */
  readonly indexes: number[];
  /** Their markers' bytes in the stream. */
  readonly places: number[];
  result?: Promise<InflateResult>;
}

/** A grain whose data has not all come yet: `have` bytes of it are in the current input, from `offset` on. */
interface OpenGrain {
  readonly index: number;
  readonly size: number;
  readonly at: number;
  offset: number;
  have: number;
}

/**
 * Has the grains that a parser passes inflated by worker threads, some at a time, and gives them on in order.
 *
 * The stream is read into memory that the workers see ({@link GrainInflater.nextRoom}), and its grains are inflated
 * where they lie. Only a grain that goes on in the next piece is moved, to before that piece.
 */
export class GrainInflater implements StreamVisitor {
  readonly #inputs: SharedAreas;
  readonly #outputs: SharedAreas;
  #pool: CodecPool | undefined;
  #context: InflaterContext | undefined;
  #input: Input | undefined;
  #batch: Batch | undefined;
  #grain: OpenGrain | undefined;
  #running: Batch[] = [];
  #failure: Error | undefined;

  /**
   * @param context - asked once, when the first grain comes
   * @param write - left out to only check the grains
   */
  constructor(
    readonly workers: number,
    readonly context: () => InflaterContext,
    readonly write?: DiskWriter,
  ) {
    const count = workers * AREAS_PER_WORKER;
    this.#inputs = new SharedAreas(count, MAX_DATA_BYTES + READ_BYTES);
    this.#outputs = new SharedAreas(count, write === undefined ? 0 : BATCH_BYTES);
  }

  /**
   * Waits for memory to read the stream's next bytes into, from `from` on, until it is full. The parser must have taken
   * all that was read before, and must be given `bytes` themselves.
   *
   * @throws InvalidVmdkError `grain-corrupt`, `grain-size`
   */
  async nextRoom(): Promise<{ bytes: Buffer; from: number }> {
    this.#dispatch();
    const last = this.#input;
    let area = this.#inputs.take();
    while (area === undefined) {
      await this.makeRoom();
      area = this.#inputs.take();
    }
    this.#input = { area, batches: 0 };
    const grain = this.#grain;
    if (grain !== undefined && last !== undefined) {
      const offset = MAX_DATA_BYTES - grain.have;
      last.area.bytes.copy(area.bytes, offset, grain.offset, grain.offset + grain.have);
      grain.offset = offset;
    }
    if (last?.batches === 0) this.#inputs.give(last.area);
    while (grain !== undefined && !this.#openBatch()) await this.makeRoom();
    return { bytes: area.bytes, from: MAX_DATA_BYTES };
  }

  begin(index: number, size: number, at: number): boolean {
    const most = Math.min(BATCH_GRAINS, BATCH_BYTES / this.#known().geometry.grainBytes);
    if (this.#batch?.grains.length === most) this.#dispatch();
    if (!this.#openBatch()) return false;
    this.#grain = { index, size, at, offset: 0, have: 0 };
    return true;
  }

  data(_bytes: Buffer, from: number, to: number): void {
    const grain = this.#grain;
    if (grain === undefined || this.#batch === undefined) throw new Error('data without a grain');
    if (grain.have === 0) grain.offset = from;
    grain.have += to - from;
    if (grain.have < grain.size) return;
    this.#batch.grains.push({ offset: grain.offset, size: grain.size });
    this.#batch.indexes.push(grain.index);
    this.#batch.places.push(grain.at);
    this.#grain = undefined;
  }

  /**
   * Waits until the parser can go on.
   *
   * @throws InvalidVmdkError `grain-corrupt`, `grain-size`
   */
  async makeRoom(): Promise<void> {
    const [oldest] = this.#running;
    if (oldest?.result === undefined) throw new Error('no memory is free, and none is used');
    const { zero, bad } = await oldest.result;
    // Results come in the stream's order, so this is the first bad grain: no other is worth waiting for.
    if (bad !== undefined) throw new InvalidVmdkError(bad.reason, oldest.places[bad.index] ?? 0, bad.message);
    this.#running.shift();
    this.#giveInput(oldest.input);
    if (this.write !== undefined) await this.#writeRuns(this.write, oldest, zero);
    this.#outputs.give(oldest.output);
  }

  /**
   * Waits until every grain is dealt with. A grain whose data did not all come is left out.
   *
   * @throws InvalidVmdkError `grain-corrupt`, `grain-size`
   */
  async finish(): Promise<void> {
    this.#dispatch();
    while (this.#running.length > 0) await this.makeRoom();
  }

  /** Has the threads end: what is running fails with `error`, and what is yet to come. */
  abort(error: Error): void {
    this.#failure = error;
    this.#pool?.abort(error);
  }

  /** Has the threads end, and waits for that. Call it whatever happens, last of all. */
  async close(): Promise<void> {
    await this.#pool?.close();
    // No thread is left to look at them. What a writer that nobody waits for may still read is not among them.
    const input = this.#input;
    this.#input = undefined;
    if (input?.batches === 0) this.#inputs.give(input.area);
    for (const batch of this.#running) {
      this.#giveInput(batch.input);
      this.#outputs.give(batch.output);
    }
    this.#running = [];
    this.#inputs.release();
    this.#outputs.release();
  }

  #giveInput(input: Input): void {
    input.batches -= 1;
    if (input.batches === 0 && input !== this.#input) this.#inputs.give(input.area);
  }

  /** Sees to it that there is a batch. Returns false if there is no memory for one yet. */
  #openBatch(): boolean {
    if (this.#batch !== undefined) return true;
    if (this.#input === undefined) throw new Error('a grain from nowhere');
    const output = this.#outputs.take();
    if (output === undefined) return false;
    this.#batch = { input: this.#input, output, grains: [], indexes: [], places: [] };
    return true;
  }

  #openPool(): CodecPool {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pool ??= new CodecPool(this.workers, this.#known().geometry.grainBytes);
    return this.#pool;
  }

  #dispatch(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    const { geometry, capacityBytes } = this.#known();
    const endsDisk = batch.indexes.at(-1) === geometry.grains - 1;
    batch.input.batches += 1;
    batch.result = this.#openPool().run({
      kind: 'inflate',
      input: batch.input.area.memory,
      output: this.write === undefined ? undefined : batch.output.memory,
      grains: batch.grains,
      shortBytes: endsDisk ? capacityBytes % geometry.grainBytes : 0,
    });
    this.#running.push(batch);
  }

  /** Writes neighbouring grains at once, and nothing for zeros. */
  async #writeRuns(write: DiskWriter, { output, indexes }: Batch, zero: readonly boolean[]): Promise<void> {
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
      await write(output.bytes.subarray(from * grainBytes, from * grainBytes + bytes), position);
      from = to;
    }
  }

  #known(): InflaterContext {
    this.#context ??= this.context();
    return this.#context;
  }
}
