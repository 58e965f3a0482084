/**
 * Measures the stream-optimized codec on a reproducible disk (40 % zeros, 30 % text, 30 % incompressible), against
 * qemu-img in the same run where it is installed.
 *
 *     npm run bench:vmdk                      4 GiB, medians of 5
 *     npm run bench:vmdk -- --quick           256 MiB, one run: only shows that it works
 *     npm run bench:vmdk -- --size 1024 --runs 3 --workers 4 --json result.json
 *
 * Everything is in the page cache. Wall times of shared machines vary: rivals take turns within each run, and CPU
 * seconds stand beside them. Work files lie in the system's temporary directory, and take 3.5 times the size.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileLibrary } from './support/compile-library.js';

const MIB = 2 ** 20;

/** A vocabulary, made up once. */
const WORDS = vocabulary(4000, 1);
const PHRASES = vocabulary(1500, 6);

interface Sample {
  readonly wall: number;
  readonly cpu: number;
  /** The process's largest resident set, in MiB. */
  readonly rss: number;
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    size: { type: 'string' },
    runs: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'string' },
  },
});
const sizeBytes = Number(values.size ?? (values.quick ? 256 : 4096)) * MIB;
const runs = Number(values.runs ?? (values.quick ? 1 : 5));
const root = fileURLToPath(new URL('..', import.meta.url));

await runAll();

async function runAll(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vmdk-bench-'));
  try {
    const file = (name: string): string => join(directory, name);
    console.log(`${sizeBytes / MIB} MiB, ${runs} run(s), ${availableParallelism()} cores, Node ${process.version}`);
    compileLibrary(directory, 'vmdk');
    console.log(`disk.raw sha256 ${await writeDisk(file('disk.raw'))}`);
    const hasQemu = spawnSync('qemu-img', ['--version']).status === 0;
    if (!hasQemu) console.log('qemu-img is not on the PATH: nothing to compare with');

    const samples = new Map<string, Sample[]>();
    const take = (name: string, sample: Sample): void => {
      samples.set(name, [...(samples.get(name) ?? []), sample]);
    };
    for (let run = 0; run < runs; run++) {
      take('encode', ours('encode', directory));
      if (hasQemu) {
        take(
          'qemu-img encode',
          foreign('-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', file('disk.raw'), file('qemu.vmdk')),
        );
      }
      take('read', ours('read', directory));
      take('inspect', ours('inspect', directory));
      take('verify', ours('verify', directory));
      take('decode', ours('decode', directory));
      if (hasQemu) take('qemu-img decode', foreign('-f', 'vmdk', '-O', 'raw', file('ours.vmdk'), file('qemu.raw')));
      rmSync(file('qemu.raw'), { force: true });
      console.log(
        `run ${run + 1}: ${[...samples].map(([name, all]) => `${name} ${all.at(-1)?.wall.toFixed(1)} s`).join(', ')}`,
      );
    }
    if ((await digest(file('out.raw'))) !== (await digest(file('disk.raw'))))
      throw new Error('the decoded disk differs');

    const results = [...samples].map(([name, all]) => ({ name, ...medians(all) }));
    console.table(
      Object.fromEntries(
        results.map(({ name, wall, best, cpu, rss }) => [
          name,
          { 'wall s': wall.toFixed(2), 'best s': best.toFixed(2), 'CPU s': cpu.toFixed(2), 'RSS MiB': rss.toFixed(0) },
        ]),
      ),
    );
    const wall = (name: string): number => results.find((result) => result.name === name)?.wall ?? NaN;
    const bytes = (name: string): number => (name === 'qemu.vmdk' && !hasQemu ? NaN : statSync(file(name)).size);
    const ratios = [
      ['inspect / read', wall('inspect') / wall('read'), 1.3],
      ['verify / qemu-img decode', wall('verify') / wall('qemu-img decode'), 0.4],
      ['decode / qemu-img decode', wall('decode') / wall('qemu-img decode'), 0.8],
      ['encode / qemu-img encode', wall('encode') / wall('qemu-img encode'), 0.25],
      ['stream / qemu-img stream', bytes('ours.vmdk') / bytes('qemu.vmdk'), 1.03],
      [
        'largest RSS in MiB',
        Math.max(...results.filter(({ name }) => !name.startsWith('qemu')).map(({ rss }) => rss)),
        250,
      ],
    ] as const;
    for (const [name, value, target] of ratios) {
      const verdict = Number.isNaN(value) ? 'not measured' : value <= target ? 'met' : 'NOT met';
      console.log(`${name}: ${value.toFixed(3)}, target ${target}: ${verdict}`);
    }
    if (values.json !== undefined)
      writeFileSync(values.json, JSON.stringify({ sizeBytes, runs, results, ratios }, null, 2));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Has what earlier steps wrote on the disk, so that no step waits for another's writing. */
function settle(): void {
  spawnSync('sync');
}

function ours(step: string, directory: string): Sample {
  settle();
  const script = join(root, 'bench', 'vmdk-step.mjs');
  const args = [script, join(directory, 'library', 'vmdk', 'index.js'), step, directory, values.workers ?? '0'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${step} failed: ${stderr}`);
  return JSON.parse(stdout) as Sample;
}

function foreign(...args: string[]): Sample {
  // The shell's `times`: user and system time of its children. RSS is not asked for.
  settle();
  const script = '"$@" && times';
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', 'qemu-img', 'convert', ...args], {
    encoding: 'utf8',
  });
  const wall = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`qemu-img failed: ${stderr}`);
  const children = stdout.trim().split('\n').at(-1) ?? '';
  const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return { wall, cpu, rss: NaN };
}

function medians(samples: readonly Sample[]): Sample & { best: number } {
  const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
  const walls = samples.map(({ wall }) => wall);
  return {
    best: Math.min(...walls),
    wall: median(walls),
    cpu: median(samples.map(({ cpu }) => cpu)),
    rss: median(samples.map(({ rss }) => rss)),
  };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(MIB);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, MIB, null);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
  }
  await handle.close();
  return hash.digest('hex');
}

/** Writes the disk: extents of 64 KiB to 8 MiB, their kind and length from a seeded generator. Returns its SHA-256. */
async function writeDisk(path: string): Promise<string> {
  const random = generator(20_261_101);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  const handle = await open(path, 'w');
  // So that the shares come out exactly, each kind has its budget.
  const budgets = [0.4, 0.3, 0.3].map((share) => Math.round((share * sizeBytes) / 65_536) * 65_536);
  budgets[2] = sizeBytes - (budgets[0] ?? 0) - (budgets[1] ?? 0);
  for (let position = 0; position < sizeBytes;) {
    const left = budgets.reduce((sum, budget) => sum + budget, 0);
    let pick = random() * left;
    const kind = budgets.findIndex((budget) => (pick -= budget) < 0);
    const budget = budgets[kind] ?? 0;
    const length = Math.min(65_536 * Math.ceil(2 ** (random() * 7)), budget);
    if (length === 0) continue;
    budgets[kind] = budget - length;
    if (kind === 1) await handle.write(text(length, random), 0, length, position);
    if (kind === 2) await handle.write(cipher.update(Buffer.alloc(length)), 0, length, position);
    position += length;
  }
  await handle.truncate(sizeBytes);
  await handle.close();
  return digest(path);
}

/** Source code and logs, as far as a deflater can tell: words and
 * phrases, some much more frequent than others, numbers, indentation. */
function text(length: number, random: () => number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const dice = random();
    const words = dice < 0.3 ? PHRASES : WORDS;
    const word =
      dice > 0.93 ? String(Math.floor(random() * 1e5)) : (words[Math.floor(words.length * random() ** 2.2)] ?? '');
    at += bytes.write(dice > 0.85 ? `${word};\n    ` : `${word} `, at, 'latin1');
    // The next one may not fit any more.
    if (length - at < 120) bytes.fill(0x0a, at, (at = length));
  }
  return bytes;
}

/** Made-up words, or sequences of as many as `length` of them. */
function vocabulary(count: number, length: number): string[] {
  const random = generator(7);
  const letter = (): string => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(26 * random() ** 1.7)] ?? 'e';
  const word = (): string => Array.from({ length: 2 + Math.floor(random() * 9) }, letter).join('');
  return Array.from({ length: count }, () => Array.from({ length }, word).join(length > 1 ? '_' : ''));
}

/** mulberry32: small, fast, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
