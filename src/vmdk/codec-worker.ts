import type * as WorkerThreads from 'node:worker_threads';
import type * as Zlib from 'node:zlib';

/** What a worker is started with. */
export interface CodecWorkerData {
  readonly grainBytes: number;
  /** 32-bit numbers: whether the threads are to end, then for each thread whether it may be in native code. */
  readonly control: SharedArrayBuffer;
  /** The thread's own number in `control`. */
  readonly busy: number;
}

/** Grains to deflate: they lie one after the other in the input, the last filled up with zeros. */
export interface DeflateTask {
  readonly kind: 'deflate';
  readonly input: SharedArrayBuffer;
  /** Belongs to one task at a time. */
  readonly output: SharedArrayBuffer;
  readonly count: number;
  /** The first grain's place on the disk, counted in grains. */
  readonly firstGrain: number;
}

/** Deflated grains: markers, data and padding lie one after the other in the output. */
export interface DeflateResult {
  /** Sectors of each grain in the output; 0 where it was all zeros and left out. */
  readonly sectors: readonly number[];
}

/** Grains to inflate, and where in the input their data is, in bytes. */
export interface InflateTask {
  readonly kind: 'inflate';
  readonly input: SharedArrayBuffer;
  /** Belongs to one task at a time. Undefined where the inflated grains are not wanted, only checked. */
  readonly output: SharedArrayBuffer | undefined;
  readonly grains: readonly { readonly offset: number; readonly size: number }[];
  /** What the last of these grains may inflate to besides a whole grain, as the disk ends in it; 0 if it does not. */
  readonly shortBytes: number;
}

/** What inflating came to. */
export interface InflateResult {
  /** Whether grain `i` was all zeros; then it is not in the output. Others are, at multiples of a grain's size. */
  readonly zero: readonly boolean[];
  /** The first bad grain, if any: nothing after it was looked at. */
  readonly bad:
    { readonly index: number; readonly reason: 'grain-corrupt' | 'grain-size'; readonly message: string } | undefined;
}

/**
 * The whole program of a worker thread. It is started from its own source text (`toString()`), so that it needs no file
 * of its own next to whatever a bundler, a test runner or a CommonJS build makes of this one. It must therefore refer
 * to nothing outside itself.
 */
/* istanbul ignore next -- counters would be such a reference */
export function codecWorker(require: NodeJS.Require): void {
  const threads = require('node:worker_threads') as typeof WorkerThreads;
  const zlib = require('node:zlib') as typeof Zlib;

  const { parentPort } = threads;
  const data = threads.workerData as CodecWorkerData;
  const { grainBytes, busy } = data;
  const control = new Int32Array(data.control);
  const zeroGrain = Buffer.alloc(grainBytes);
  const probeBytes = 4096;
  const counts = new Uint16Array(256);
  const markerBytes = 12;

  /** One allocation instead of several, and a bound for what a few bytes can inflate to. */
  const inflateOptions = { chunkSize: grainBytes + 64, maxOutputLength: grainBytes, info: true };
  /** A deflate stream is at worst a little longer than what went in. */
  const deflateOptions = { level: 1, chunkSize: grainBytes + 512 };
  const storeOptions = { level: 0, chunkSize: grainBytes + 512 };
  const probeOptions = { level: 1, chunkSize: 2 * probeBytes };

  /**
   * Does what enters zlib, unless the thread is to end. Nobody may end the thread meanwhile: Node would abort the whole
   * process. So it says that it is busy before it looks whether it is to end; who ends it does so in the other order.
   */
  function native<T>(work: () => T): T | undefined {
    Atomics.store(control, busy, 1);
    try {
      return Atomics.load(control, 0) === 0 ? work() : undefined;
    } finally {
      Atomics.store(control, busy, 0);
      Atomics.notify(control, busy);
    }
  }

  /** Whether all byte values are about equally frequent in a sample: chi-squared, 255 for noise, 10 standard deviations. */
  function uniform(sample: Buffer): boolean {
    counts.fill(0);
    for (const byte of sample) counts[byte] = (counts[byte] ?? 0) + 1;
    let sum = 0;
    for (const count of counts) sum += (count - probeBytes / 256) ** 2;
    return sum / (probeBytes / 256) < 500;
  }

  /**
   * Two samples tell what is encrypted or compressed already; deflating that takes most time and gains nothing. What has
   * all bytes equally often may still repeat itself, so deflating a sample has the last word.
   */
  function compressible(grain: Buffer): boolean {
    const sample = grain.subarray(grainBytes / 4, grainBytes / 4 + probeBytes);
    const another = grain.subarray((grainBytes / 4) * 3, (grainBytes / 4) * 3 + probeBytes);
    if (!uniform(sample) || !uniform(another)) return true;
    return zlib.deflateSync(sample, probeOptions).length < probeBytes * 0.97;
  }

  function deflateGrain(grain: Buffer): Buffer {
    if (compressible(grain)) {
      const deflated = zlib.deflateSync(grain, deflateOptions);
      if (deflated.length < grainBytes) return deflated;
    }
    return zlib.deflateSync(grain, storeOptions);
  }

  /** Undefined if the thread is to end; so is the result of inflating. */
  function deflate(task: DeflateTask): DeflateResult | undefined {
    const { count, firstGrain } = task;
    const [input, output] = [Buffer.from(task.input), Buffer.from(task.output)];
    const sectors: number[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      const grain = input.subarray(i * grainBytes, (i + 1) * grainBytes);
      if (grain.equals(zeroGrain)) {
        sectors.push(0);
        continue;
      }
      const deflated = native(() => deflateGrain(grain));
      if (deflated === undefined) return undefined;
      const lba = (firstGrain + i) * (grainBytes / 512);
      const length = Math.ceil((markerBytes + deflated.length) / 512);
      output.writeUInt32LE(lba % 0x1_0000_0000, at);
      output.writeUInt32LE(Math.floor(lba / 0x1_0000_0000), at + 4);
      output.writeUInt32LE(deflated.length, at + 8);
      deflated.copy(output, at + markerBytes);
      output.fill(0, at + markerBytes + deflated.length, at + length * 512);
      sectors.push(length);
      at += length * 512;
    }
    return { sectors };
  }

  interface Inflated {
    readonly buffer: Buffer;
    readonly engine: { readonly bytesWritten: number };
  }

  function inflate(task: InflateTask): InflateResult | undefined {
    const { grains, shortBytes } = task;
    const input = Buffer.from(task.input);
    const output = task.output === undefined ? undefined : Buffer.from(task.output);
    const zero: boolean[] = [];
    for (const [index, { offset, size }] of grains.entries()) {
      let inflated: Inflated | undefined;
      try {
        const bytes = input.subarray(offset, offset + size);
        inflated = native(() => zlib.inflateSync(bytes, inflateOptions) as unknown as Inflated);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const reason = code === 'ERR_BUFFER_TOO_LARGE' ? 'grain-size' : 'grain-corrupt';
        return { zero, bad: { index, reason, message: `the grain's data does not inflate: ${message}` } };
      }
      if (inflated === undefined) return undefined;
      const grain = inflated.buffer;
      const consumed = inflated.engine.bytesWritten;
      if (consumed !== size) {
        const message = `the grain's data goes on for ${String(size - consumed)} bytes after its end`;
        return { zero, bad: { index, reason: 'grain-corrupt', message } };
      }
      const last = index === grains.length - 1;
      if (grain.length !== grainBytes && !(last && shortBytes > 0 && grain.length === shortBytes)) {
        const message = `the grain inflates to ${String(grain.length)} bytes`;
        return { zero, bad: { index, reason: 'grain-size', message } };
      }
      if (output === undefined) continue;
      const zeros = grain.equals(grain.length === grainBytes ? zeroGrain : zeroGrain.subarray(0, grain.length));
      zero.push(zeros);
      if (!zeros) output.fill(0, index * grainBytes + grain.copy(output, index * grainBytes), (index + 1) * grainBytes);
    }
    return { zero, bad: undefined };
  }

  // A message without a task only wakes the thread, which then finds that it is to end.
  parentPort?.on('message', (message: { id: number; task: DeflateTask | InflateTask } | undefined) => {
    const { id, task } = message ?? {};
    const result = task === undefined ? undefined : task.kind === 'deflate' ? deflate(task) : inflate(task);
    if (result === undefined) parentPort.close();
    else parentPort.postMessage({ id, result });
  });
}
