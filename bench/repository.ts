/**
 * Measures a repository on a reproducible disk (40 % zeros, 30 % text, 30 % incompressible), and on that disk after random changes
 * of 64 KiB, against restic in the same run where it is installed.
 *
 *     npm run bench:repository                      2 GiB, medians of 3
 *     npm run bench:repository -- --quick           256 MiB, one run: only shows that it works
 *     npm run bench:repository -- --size 16384 --runs 1 --alone
 *
 * restic stores the stream file as we do, and the raw disk, where it can find what is the same. Everything is in the page cache;
 * rivals take turns within each run. Work files lie in the system's temporary directory, and take ten times the size.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeVmdk } from '../src/vmdk/index.js';
import { StreamParser } from '../src/vmdk/stream-parser.js';
import { compileLibrary } from './support/compile-library.js';
import { measureProgram, measureScript, medians, type Sample, warmPageCache } from './support/measure.js';
import { digest, generator, text, writeDisk } from './support/reproducible-disk.js';

const MIB = 2 ** 20;
const blockBytes = 64 * 1024;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    size: { type: 'string' },
    runs: { type: 'string' },
    alone: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const sizeBytes = Number(values.size ?? (values.quick ? 256 : 2048)) * MIB;
const runs = Number(values.runs ?? (values.quick ? 1 : 3));
const root = fileURLToPath(new URL('..', import.meta.url));
/** The disk, and the parts of it that are changed for each increment. */
const changes = { A: 0, B1: 0.01, B5: 0.05 } as const;
type Name = keyof typeof changes;
const increments = ['B1', 'B5'] as const;

const directory = mkdtempSync(join(tmpdir(), 'repository-bench-'));
try {
  await runAll();
} finally {
  rmSync(directory, { recursive: true });
}

async function runAll(): Promise<void> {
  console.log(`${sizeBytes / MIB} MiB, ${runs} run(s), ${availableParallelism()} cores, Node ${process.version}`);
  const hasRestic = !values.alone && spawnSync('restic', ['version']).status === 0;
  if (!hasRestic) console.log('restic is not on the PATH, or not wanted: nothing to compare with');
  compileLibrary(directory);
  const ideal = await makeDisks();
  const samples = new Map<string, Sample[]>();
  const stored = new Map<string, number>();
  const take = (name: string, sample: Sample): void => {
    samples.set(name, [...(samples.get(name) ?? []), sample]);
    console.log(
      `${name}: CPU ${sample.cpu.toFixed(1)} s, wall ${sample.wall.toFixed(1)} s, RSS ${sample.rss.toFixed(0)} MiB`,
    );
  };
  for (let run = 0; run < runs; run++) {
    await runOurs(take, stored);
    if (hasRestic) {
      runRestic('stream', 'vmdk', take, stored);
      runRestic('raw', 'raw', take, stored);
    }
  }
  report(samples, stored, ideal);
}

async function runOurs(take: (name: string, sample: Sample) => void, stored: Map<string, number>): Promise<void> {
  const repository = join(directory, 'repository');
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(repository, { mode: 0o700 });
  ours('initialize', '');
  take('backup A', ours('backup', 'A'));
  take('restore A', ours('restore', 'A'));
  if ((await digest(join(directory, 'restored.vmdk'))) !== (await digest(join(directory, 'A.vmdk')))) {
    throw new Error('the restored stream differs');
  }
  rmSync(join(directory, 'restored.vmdk'));
  for (const name of increments) {
    // Each on A alone: otherwise the second would be an increment on the first.
    increment(repository, name, stored, 'ours', () => {
      take(`backup ${name}`, ours('backup', name));
    });
  }
}

function runRestic(
  what: string,
  ending: string,
  take: (name: string, sample: Sample) => void,
  stored: Map<string, number>,
): void {
  const repository = join(directory, 'restic');
  rmSync(repository, { recursive: true, force: true });
  const restic = (...args: string[]): Sample => {
    warmPageCache(directory, sizeBytes);
    return measureProgram('restic', ['--quiet', '--no-cache', '--repo', repository, ...args], {
      ...process.env,
      RESTIC_PASSWORD: 'of the bench',
    });
  };
  restic('init');
  take(`restic ${what}: backup A`, restic('backup', join(directory, `A.${ending}`)));
  if (what === 'stream') {
    take('restic stream: restore A', restic('restore', 'latest', '--target', join(directory, 'restored')));
    rmSync(join(directory, 'restored'), { recursive: true });
  }
  for (const name of increments) {
    increment(repository, name, stored, `restic ${what}`, () => {
      take(`restic ${what}: backup ${name}`, restic('backup', join(directory, `${name}.${ending}`)));
    });
  }
}

/** Does something with a repository, notes by how much it grew, and puts it back. */
function increment(repository: string, name: string, stored: Map<string, number>, who: string, work: () => void): void {
  const before = bytesIn(repository);
  cpSync(repository, `${repository}.before`, { recursive: true });
  work();
  stored.set(`${who} ${name}`, bytesIn(repository) - before);
  rmSync(repository, { recursive: true });
  cpSync(`${repository}.before`, repository, { recursive: true });
  rmSync(`${repository}.before`, { recursive: true });
}

function ours(step: string, name: string): Sample {
  warmPageCache(directory, sizeBytes);
  return measureScript(join(root, 'bench', 'repository-step.mjs'), [join(directory, 'library'), step, directory, name]);
}

function bytesIn(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Makes the disks and their streams. Returns what the changed grains take in the stream, and nothing else. */
async function makeDisks(): Promise<Record<Name, number>> {
  const random = generator(20_261_127);
  const ideal = { A: 0, B1: 0, B5: 0 };
  for (const [name, part] of Object.entries(changes) as [Name, number][]) {
    const raw = join(directory, `${name}.raw`);
    const changed = new Set<number>();
    if (name === 'A') {
      console.log(`A.raw sha256 ${await writeDisk(raw, sizeBytes)}`);
    } else {
      await copyFile(join(directory, 'A.raw'), raw);
      await change(raw, part, random, changed);
    }
    await encodeVmdk(raw, join(directory, `${name}.vmdk`));
    ideal[name] = await grainBytes(join(directory, `${name}.vmdk`), (grain) => name === 'A' || changed.has(grain));
  }
  return ideal;
}

/** Writes random blocks anew, with text or with what does not compress. */
async function change(path: string, part: number, random: () => number, changed: Set<number>): Promise<void> {
  const blocks = sizeBytes / blockBytes;
  while (changed.size < Math.round(blocks * part)) changed.add(Math.floor(random() * blocks));
  const handle = await open(path, 'r+');
  for (const block of changed) {
    const bytes = block % 2 === 0 ? text(blockBytes, random) : Buffer.alloc(blockBytes);
    if (block % 2 === 1) for (let at = 0; at < blockBytes; at += 4) bytes.writeUInt32LE(random() * 2 ** 32, at);
    await handle.write(bytes, 0, blockBytes, block * blockBytes);
  }
  await handle.close();
}

/** How many bytes the data of some of a stream's grains has. */
async function grainBytes(path: string, isWanted: (grain: number) => boolean): Promise<number> {
  let sum = 0;
  const parser = new StreamParser({
    begin(grain, size) {
      if (isWanted(grain)) sum += size;
      return true;
    },
    data: () => undefined,
  });
  const handle = await open(path);
  const buffer = Buffer.alloc(MIB);
  for (let read = await handle.read(buffer); read.bytesRead > 0; read = await handle.read(buffer)) {
    parser.parse(buffer.subarray(0, read.bytesRead), 0);
  }
  await handle.close();
  return sum;
}

function report(
  samples: ReadonlyMap<string, readonly Sample[]>,
  stored: ReadonlyMap<string, number>,
  ideal: Record<Name, number>,
): void {
  const results = new Map([...samples].map(([name, all]) => [name, medians(all)]));
  console.table(
    Object.fromEntries(
      [...results].map(([name, { wall, cpu, rss }]) => [
        name,
        { 'CPU s': cpu.toFixed(2), 'wall s': wall.toFixed(2), 'RSS MiB': rss.toFixed(0) },
      ]),
    ),
  );
  console.table(
    Object.fromEntries([...stored].map(([name, bytes]) => [name, { 'stored MB': (bytes / 1e6).toFixed(2) }])),
  );
  const of = (name: string) => results.get(name) ?? { wall: NaN, cpu: NaN, rss: NaN };
  const bytes = (name: string): number => stored.get(name) ?? NaN;
  const ratios = [
    ['stored 1 % / ideal', bytes('ours B1') / ideal.B1, 1.05],
    ['stored 5 % / ideal', bytes('ours B5') / ideal.B5, 1.03],
    ['stored 1 % / restic raw', bytes('ours B1') / bytes('restic raw B1'), 1 / 10],
    ['stored 5 % / restic raw', bytes('ours B5') / bytes('restic raw B5'), 1 / 8],
    ['CPU of a full backup / restic', of('backup A').cpu / of('restic stream: backup A').cpu, 0.5],
    ['CPU of 1 % / restic', of('backup B1').cpu / of('restic stream: backup B1').cpu, 0.4],
    ['CPU of a restore / restic', of('restore A').cpu / of('restic stream: restore A').cpu, 0.7],
    ['wall of a restore / restic', of('restore A').wall / of('restic stream: restore A').wall, 0.85],
    ['RSS of a backup in MiB', Math.max(of('backup A').rss, of('backup B1').rss, of('backup B5').rss), 200],
    ['RSS of a restore in MiB', of('restore A').rss, 260],
  ] as const;
  for (const [name, value, target] of ratios) {
    const verdict = Number.isNaN(value) ? 'not measured' : value <= target ? 'met' : 'NOT met';
    console.log(`${name}: ${value.toFixed(3)}, target ${target}: ${verdict}`);
  }
  if (values.json !== undefined) {
    const result = { sizeBytes, runs, results: [...results], stored: [...stored], ideal, ratios };
    writeFileSync(values.json, JSON.stringify(result, null, 2));
  }
}
