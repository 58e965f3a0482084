/**
 * Damaged streams against every operation that reads one, some of them aborted, for some time in one process:
 * `node --import ./scripts/ts-node.mjs tests/fuzz/vmdk/program.ts <seed> <seconds> [<only this case>]`.
 * Prints what it found as JSON.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmdkDriverError } from '../../../src/errors/index.js';
import {
  type CodecOptions,
  decodeVmdk,
  decodeVmdkStream,
  encodeVmdk,
  encodeVmdkStream,
  inspectVmdk,
  verifyVmdk,
} from '../../../src/vmdk/index.js';
import { Random } from '../../matrix/random.js';
import { longestTurn } from '../../support/turn-probe.js';
import { chunked, diskOf, GRAIN, MemoryDisk, noise, prose } from '../../vmdk/support/disks.js';
import { mutate } from './mutate.js';
import { baseStreams } from './streams.js';

const [seed = 1, seconds = 10, only] = process.argv.slice(2).map(Number);
/** Cases after which nothing may be left. */
const casesBetweenLooks = 25;

const failures: string[] = [];
let current = 0;
process.on('unhandledRejection', (error) => failures.push(`case ${current}: unhandled ${String(error)}`));
process.on('uncaughtException', (error) => failures.push(`case ${current}: uncaught ${String(error)}`));

const directory = await mkdtemp(join(tmpdir(), 'vmdk-fuzz-'));
const [streamPath, rawPath, resultPath] = ['in.vmdk', 'in.raw', 'out'].map((name) => join(directory, name)) as [
  string,
  string,
  string,
];
const streams = baseStreams();
const disk = diskOf(
  60 * GRAIN,
  new Map([...Array(40).keys()].map((i) => [i, i % 3 ? prose(`${i}`, GRAIN) : noise(`${i}`, GRAIN)])),
);
await writeFile(rawPath, prose('raw', 20 * GRAIN));

type Act = (random: Random, bytes: Buffer, options: CodecOptions) => Promise<unknown>;

const chunksOf = (random: Random, bytes: Buffer): AsyncIterable<Buffer> => {
  return chunked(bytes, random.pick([4099, 65_536, 2 ** 20, 2 ** 24]));
};

const acts: readonly Act[] = [
  (random, bytes, options) => inspectVmdk(chunksOf(random, bytes), options),
  (random, bytes, options) => verifyVmdk(chunksOf(random, bytes), options),
  (random, bytes, options) => decodeVmdkStream(chunksOf(random, bytes), new MemoryDisk(0), options),
  async (_random, bytes, options) => {
    await writeFile(streamPath, bytes);
    await inspectVmdk(streamPath, options);
    await verifyVmdk(streamPath, options);
  },
  async (_random, bytes, options) => {
    await writeFile(streamPath, bytes);
    await decodeVmdk(streamPath, resultPath, options);
  },
  async (random, bytes, options) => {
    const failing = random.below(4);
    const sink = {
      write: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        if (failing === 0) throw new Expected();
      },
    };
    await decodeVmdkStream(chunksOf(random, bytes), sink, options);
  },
  async (random, _bytes, options) => {
    const chunks = random.below(20);
    let taken = 0;
    for await (const chunk of encodeVmdkStream(disk, options)) if (chunk.length === 0 || taken++ === chunks) break;
  },
  (_random, _bytes, options) => encodeVmdk(rawPath, resultPath, options),
];

/** What a case itself throws. */
class Expected extends Error {}

/** A signal that aborts after a while, or never. */
function someSignal(random: Random): { signal: AbortSignal | undefined; done: () => void } {
  const after = random.below(120);
  if (after >= 40) return { signal: undefined, done: () => undefined };
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Expected()), after);
  return { signal: controller.signal, done: () => clearTimeout(timer) };
}

async function runCase(number: number): Promise<void> {
  current = number;
  const random = new Random(seed * 1_000_003 + number);
  const bytes = mutate(random, random.pick(streams));
  const act = random.pick(acts);
  const { signal, done } = someSignal(random);
  try {
    await act(random, bytes, { workers: 1 + random.below(4), signal });
  } catch (error) {
    const known = error instanceof VmdkDriverError || error instanceof Expected;
    if (!known) failures.push(`case ${number}: ${String(error)} ${(error as Error).stack ?? ''}`);
  } finally {
    done();
  }
}

interface Holdings {
  readonly descriptors: number;
  readonly threads: number;
  readonly files: string;
}

/** Files the process has open, threads it has, and files in the directory. */
async function holdings(): Promise<Holdings> {
  const count = async (path: string): Promise<number> => (existsSync(path) ? (await readdir(path)).length : 0);
  const names = (await readdir(directory)).filter((name) => !['in.vmdk', 'in.raw', 'out'].includes(name));
  return {
    descriptors: await count('/proc/self/fd'),
    threads: await count('/proc/self/task'),
    files: names.join(' '),
  };
}

async function run(): Promise<number> {
  if (only !== undefined) {
    await runCase(only);
    return 1;
  }
  // Node's own threads and files are there after this.
  for (let number = 0; number < casesBetweenLooks; number++) await runCase(number);
  const before = await holdings();
  let number = casesBetweenLooks;
  for (const end = performance.now() + seconds * 1000; performance.now() < end && failures.length === 0; number++) {
    await runCase(number);
    if (number % casesBetweenLooks > 0) continue;
    const more = (now: Holdings): boolean => {
      return now.descriptors > before.descriptors || now.threads > before.threads || now.files !== '';
    };
    let now = await holdings();
    // The runtime's own threads open and close files when they like: what is left stays.
    for (let tries = 0; more(now) && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      now = await holdings();
    }
    if (more(now)) {
      failures.push(`after case ${number}: ${JSON.stringify(now)} where there was ${JSON.stringify(before)}`);
    }
  }
  return number;
}

const { result: cases, cpuMs } = await longestTurn(run);
await rm(directory, { recursive: true });
console.log(JSON.stringify({ seed, cases, longestTurnMs: Math.round(cpuMs), failures }));
