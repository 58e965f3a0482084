/**
 * Measures what a backup and a restore cost beside what must be paid anyhow: the same stream through `node:https` alone, into
 * a file, and hashed once. The server (a simulator, and a plain HTTPS server of the same file) runs in a process of its own,
 * and so does every transfer.
 *
 *     npm run bench:transfer                  a stream of 1 GiB, medians of 5
 *     npm run bench:transfer -- --mib 16384 --runs 1 --only backup,restore
 *     npm run bench:transfer -- --mib 64 --runs 1 --json result.json
 *
 * Linux only. CPU seconds are those per GiB of stream, of the whole process and of its main thread alone. Wall times of shared
 * machines vary: rivals take turns within each run. Work files take five times the stream's length in the system's temporary
 * directory, or in that of `--directory`.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SoapVimSessionOptions } from '../src/vim/index.js';
import { compileLibrary } from './support/compile-library.js';

/** What the server says of itself. */
export interface Server {
  readonly session: SoapVimSessionOptions;
  /** The volume whose export is the stream. */
  readonly source: { readonly id: string; readonly size: number };
  /** The one that is restored into. */
  readonly target: { readonly id: string; readonly size: number };
  /** Where the plain HTTPS server is. */
  readonly plainPort: number;
  readonly streamBytes: number;
}

interface Sample {
  /** CPU seconds of the process, and of its main thread. */
  readonly cpu: number;
  readonly main: number;
  readonly wall: number;
  /** The largest resident set above that of the idle process, in MiB. */
  readonly rss: number;
  /** The longest time the main thread was held, in CPU milliseconds. */
  readonly hold: number;
}

const names = [
  'curl to nowhere',
  'https to nowhere',
  'https to a file',
  'https to a file, SHA-256',
  'backup by stream to nowhere',
  'backup by stream',
  'backup by file',
  'read, SHA-256, https upload',
  'restore by stream',
  'read, write, read, SHA-256, https upload',
  'restore by file',
  'verify',
] as const;
type Name = (typeof names)[number];

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    directory: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const runs = Number(values.runs);
const wanted = names.filter((name) => values.only.split(',').some((part) => name.startsWith(part)));

const directory = await mkdtemp(join(values.directory, 'transfer-bench-'));
try {
  compileLibrary(directory);
  const { process: server, ready } = await startServer();
  try {
    measure('prepare', ready);
    const samples = new Map<Name, Sample[]>();
    for (let run = 1; run <= runs; run++) {
      for (const name of wanted) {
        // No step waits for what another has written.
        spawnSync('sync');
        const sample = name === 'curl to nowhere' ? curl(ready) : measure(name, ready);
        if (sample !== undefined) samples.set(name, [...(samples.get(name) ?? []), sample]);
      }
      console.log(`run ${run} of ${runs} done`);
      keep(samples, ready.streamBytes);
    }
    report(samples, ready.streamBytes);
  } finally {
    server.disconnect();
    await once(server, 'exit');
  }
} finally {
  await rm(directory, { recursive: true });
}

async function startServer(): Promise<{ process: ChildProcess; ready: Server }> {
  const script = fileURLToPath(new URL('transfer-server.mjs', import.meta.url));
  const server = fork(script, [join(directory, 'library'), directory, values.mib], { execArgv: [] });
  const [ready] = (await Promise.race([once(server, 'message'), once(server, 'exit').then(failed)])) as [Server];
  return { process: server, ready };
}

function failed(): never {
  throw new Error('the server did not start');
}

function measure(name: Name | 'prepare', ready: Server): Sample {
  const script = fileURLToPath(new URL('transfer-step.mjs', import.meta.url));
  const args = [script, join(directory, 'library'), name, directory, JSON.stringify(ready)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
  return JSON.parse(stdout) as Sample;
}

/** Undefined where curl is not installed. */
function curl({ plainPort }: Server): Sample | undefined {
  // The shell's `times`: user and system time of its children.
  const script = `curl -sk -o /dev/null https://127.0.0.1:${plainPort}/ && times`;
  const began = performance.now();
  const { status, stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const wall = (performance.now() - began) / 1000;
  const children = stdout.trim().split('\n').at(-1) ?? '';
  const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return { cpu, main: cpu, wall, rss: NaN, hold: NaN };
}

function report(samples: ReadonlyMap<Name, readonly Sample[]>, streamBytes: number): void {
  const gib = streamBytes / 2 ** 30;
  const of = (name: Name, key: keyof Sample): number => median(samples.get(name)?.map((sample) => sample[key]) ?? []);
  console.log(
    `a stream of ${gib.toFixed(2)} GiB, medians of ${runs}, ${availableParallelism()} cores, ${process.version}`,
  );
  console.table(
    Object.fromEntries(
      [...samples.keys()].map((name) => [
        name,
        {
          'CPU s/GiB': (of(name, 'cpu') / gib).toFixed(2),
          'main thread': (of(name, 'main') / gib).toFixed(2),
          'wall s': of(name, 'wall').toFixed(1),
          'RSS over idle, MiB': of(name, 'rss').toFixed(0),
          'longest hold, CPU ms': of(name, 'hold').toFixed(0),
        },
      ]),
    ),
  );
  // Within a run, both were measured under about the same load.
  const ratio = (name: Name, base: Name, key: 'cpu' | 'main'): number =>
    median((samples.get(name) ?? []).map((sample, run) => sample[key] / (samples.get(base)?.[run]?.[key] ?? NaN)));
  const most = (key: 'rss' | 'hold'): number =>
    Math.max(...[...samples].flatMap(([name, all]) => (isOurs(name) ? all.map((sample) => sample[key]) : [])));
  const down = 'https to a file, SHA-256';
  const verdicts = [
    ['backup by stream / https to a file, SHA-256', ratio('backup by stream', down, 'cpu'), 1.25],
    ['backup by file / https to a file, SHA-256', ratio('backup by file', down, 'cpu'), 1.35],
    [
      'backup by stream to nowhere / https to nowhere, main threads',
      ratio('backup by stream to nowhere', 'https to nowhere', 'main'),
      1.3,
    ],
    [
      'restore by stream / read, SHA-256, https upload',
      ratio('restore by stream', 'read, SHA-256, https upload', 'cpu'),
      1.25,
    ],
    [
      'restore by file / read, write, read, SHA-256, https upload',
      ratio('restore by file', 'read, write, read, SHA-256, https upload', 'cpu'),
      1.35,
    ],
    ['largest RSS over idle, MiB', most('rss'), 160],
    ['longest hold of the main thread, CPU ms', most('hold'), 50],
  ] as const;
  for (const [name, value, target] of verdicts) {
    const verdict = Number.isFinite(value) ? (value <= target ? 'met' : 'NOT met') : 'not measured';
    console.log(`${name}: ${value.toFixed(2)}, target ${target}: ${verdict}`);
  }
}

/** Writes what was measured so far: a run may take an hour. */
function keep(samples: ReadonlyMap<Name, readonly Sample[]>, streamBytes: number): void {
  if (values.json === undefined) return;
  writeFileSync(values.json, JSON.stringify({ streamBytes, samples: [...samples] }, null, 2));
}

function isOurs(name: Name): boolean {
  return /^(backup|restore|verify)/.test(name);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}
