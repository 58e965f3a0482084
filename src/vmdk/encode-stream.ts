import { AbortError, throwIfAborted } from '../errors/abort-error.js';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import { EventLoopTurns } from '../event-loop-turns.js';
import { untilAborted } from '../until-aborted.js';
import { checkMethods } from './check-methods.js';
import { ChunkAssembler } from './chunk-assembler.js';
import { checkOptions, type EncodeOptions, type VmdkProgress } from './codec-options.js';
import { AREAS_PER_WORKER, CodecPool, workerCount } from './codec-pool.js';
import type { DeflateResult } from './codec-worker.js';
import { GRAIN_MARKER, GRAIN_SECTORS, MAX_CAPACITY, MAX_WRITTEN_GRAIN, SECTOR } from './format.js';
import { formatDescriptor } from './format-descriptor.js';
import { type Batch, planBatches } from './plan-batches.js';
import { ProgressMeter } from './progress-meter.js';
import { type SharedArea, SharedAreas } from './shared-areas.js';
import { StreamWriter } from './stream-writer.js';
import type { VmdkSource } from './vmdk-source.js';

const GRAIN_BYTES = GRAIN_SECTORS * SECTOR;
/** Grains deflated at once: 1 MiB of the disk. A table's 512 grains are a multiple of it. */
const BATCH_GRAINS = 16;
const BATCH_BYTES = BATCH_GRAINS * GRAIN_BYTES;
const CHUNK_BYTES = 2 ** 20;
const ZEROS = Buffer.alloc(BATCH_BYTES);

interface Running {
  readonly batch: Batch;
  readonly input: SharedArea;
  readonly output: SharedArea;
  readonly result: Promise<DeflateResult>;
}

/**
 * Encodes a raw disk as a stream-optimized VMDK, in the layout ESXi itself writes. Deflates in worker threads; holds
 * some 10 MiB per thread, and reads no further ahead than that while nobody takes chunks.
 *
 * The same disk gives the same bytes, whatever the number of workers and however its holes are told.
 *
 * @returns the stream, in chunks of 1 MiB but for the last; each is the caller's own
 * @throws InvalidInputError on a source that is none, a capacity or options no stream can have
 * @throws InvalidVmdkError `too-large` when the stream would outgrow 2 TiB
 * @throws AbortError
 */
export async function* encodeVmdkStream(
  source: VmdkSource,
  options: EncodeOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const { signal } = checkOptions(options);
  checkMethods('source', source, ['read'], ['dataExtents']);
  const { capacityBytes } = source;
  if (!(Number.isSafeInteger(capacityBytes) && capacityBytes > 0 && capacityBytes <= MAX_CAPACITY)) {
    throw new InvalidInputError('capacityBytes', 'must be a whole number from 1 to 2^46');
  }
  const capacity = Math.ceil(capacityBytes / SECTOR);
  const writer = new StreamWriter(capacity, formatDescriptor(capacity, options));
  const workers = workerCount(options.workers);
  throwIfAborted(signal);

  const meter = new ProgressMeter(options.onProgress);
  const progress = (done: number): VmdkProgress => {
    return { bytesDone: done, bytesTotal: capacityBytes, coveredBytes: done, capacityBytes };
  };
  const chunks = new ChunkAssembler(CHUNK_BYTES);
  const inputs = new SharedAreas(workers * AREAS_PER_WORKER, BATCH_BYTES);
  const outputs = new SharedAreas(workers * AREAS_PER_WORKER, BATCH_GRAINS * (GRAIN_MARKER + MAX_WRITTEN_GRAIN));
  const pool = new CodecPool(workers, GRAIN_BYTES);
  const abort = (): void => {
    if (signal !== undefined) pool.abort(new AbortError(signal));
  };
  signal?.addEventListener('abort', abort);

  const turns = new EventLoopTurns();
  const running: Running[] = [];
  const finish = async (): Promise<Buffer[]> => {
    const oldest = running.shift();
    if (oldest === undefined) throw new Error('no memory is free, and none is used');
    const { batch, input, output, result } = oldest;
    const { sectors } = await result;
    const full = writeBatch(writer, chunks, batch, output.bytes, sectors);
    inputs.give(input);
    outputs.give(output);
    return full;
  };

  try {
    yield* chunks.push(writer.begin());
    for await (const batch of planBatches(source, BATCH_BYTES, signal)) {
      throwIfAborted(signal);
      meter.report(() => progress(batch.start));
      let input = inputs.take();
      while (input === undefined) {
        yield* await finish();
        input = inputs.take();
      }
      const count = await untilAborted(readBatch(source, batch, input.bytes, turns), signal);
      if (count === 0) {
        inputs.give(input);
        continue;
      }
      // There are as many outputs as inputs, and every task has one of each.
      const output = outputs.take();
      if (output === undefined) throw new Error('an output is missing');
      const firstGrain = batch.start / GRAIN_BYTES;
      const task = { kind: 'deflate', input: input.memory, output: output.memory, count, firstGrain } as const;
      running.push({ batch, input, output, result: pool.run(task) });
    }
    while (running.length > 0) yield* await finish();
    throwIfAborted(signal);
    for (const piece of writer.end()) yield* chunks.push(piece);
    yield* chunks.rest();
    meter.end(progress(capacityBytes));
  } finally {
    signal?.removeEventListener('abort', abort);
    await pool.close();
    // No thread is left to look at them. What a read that nobody waits for may still write into is not among them.
    for (const { input, output } of running) {
      inputs.give(input);
      outputs.give(output);
    }
    inputs.release();
    outputs.release();
  }
}

/** Fills `input` with the batch. Returns how many grains there are, or 0 if all of it is zeros. */
async function readBatch(
  source: VmdkSource,
  { start, parts }: Batch,
  input: Buffer,
  turns: EventLoopTurns,
): Promise<number> {
  const end = Math.min(start + BATCH_BYTES, source.capacityBytes);
  let filled = start;
  for (const part of parts) {
    input.fill(0, filled - start, part.start - start);
    for (filled = part.start; filled < part.end;) {
      const read = await source.read(input.subarray(filled - start, part.end - start), filled);
      if (!(read >= 0 && read <= part.end - filled)) {
        throw new InvalidInputError('source', `read ${read} bytes where ${part.end - filled} were asked for`);
      }
      if (read === 0) break;
      filled += read;
      await turns.pause();
    }
  }
  input.fill(0, filled - start);
  if (input.equals(ZEROS)) return 0;
  return Math.ceil((end - start) / GRAIN_BYTES);
}

/** Puts a batch's grains into the stream, and the tables that come due. */
function writeBatch(
  writer: StreamWriter,
  chunks: ChunkAssembler,
  { start }: Batch,
  output: Buffer,
  sectors: readonly number[],
): Buffer[] {
  const full: Buffer[] = [];
  let from = 0;
  sectors.forEach((length, i) => {
    if (length === 0) return;
    const table = writer.grain(start / GRAIN_BYTES + i, length);
    if (table !== undefined) full.push(...chunks.push(table));
    const to = from + length * SECTOR;
    full.push(...chunks.push(output.subarray(from, to)));
    from = to;
  });
  return full;
}
