/**
 * Runs many backups at once by one driver, and measures what they take: file descriptors, memory, and the longest turn of the
 * main thread in CPU time. A storage controller has a night for thousands of volumes.
 *
 *     npm run bench:many                      500 backups, two hosts with 32 transfers each
 *     npm run bench:many -- --backups 50 --per-host 4
 *
 * Linux only. The simulator and the driver each run in a process of their own. Each of two hosts has half of the disks.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SoapVimSessionOptions } from '../src/vim/index.js';
import type { ManyReady } from './many-simulator.js';
import { compileLibrary } from './support/compile-library.js';

/** What the process is told that runs the backups. */
export interface ManyBackups {
  readonly session: SoapVimSessionOptions;
  readonly volumes: ManyReady['volumes'];
  readonly transfersPerHost: number;
  readonly transfer: 'auto' | 'file' | 'stream';
}

/** The most there was of each while they ran. */
export interface ManyPeaks {
  readonly descriptors: number;
  readonly memoryMiB: number;
  readonly turnMs: number;
  readonly transfers: number;
  readonly seconds: number;
  readonly failures: readonly string[];
}

const { values } = parseArgs({
  options: {
    backups: { type: 'string', default: '500' },
    'per-host': { type: 'string', default: '32' },
    kib: { type: 'string', default: '8192' },
    transfer: { type: 'string', default: 'auto' },
  },
});
const limits = { descriptors: 500, memoryMiB: 400, turnMs: 50 };

const directory = await mkdtemp(join(tmpdir(), 'many-bench-'));
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
compileLibrary(directory);
const server = fork(path('many-simulator.ts'), [values.backups, values.kib]);
const [ready] = (await once(server, 'message')) as [ManyReady];
try {
  const asked: ManyBackups = {
    ...ready,
    transfersPerHost: Number(values['per-host']),
    transfer: values.transfer as ManyBackups['transfer'],
  };
  const library = join(directory, 'library');
  const step = spawn(process.execPath, [path('many-step.mjs'), library, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  step.stdin.end(JSON.stringify(asked));
  const { failures, ...peaks } = (await json(step.stdout)) as ManyPeaks;
  const seconds = peaks.seconds.toFixed(1);
  console.log(
    `${values.backups} backups at once, ${peaks.transfers} transferring, in ${seconds} s, Node ${process.version}`,
  );
  for (const name of ['descriptors', 'memoryMiB', 'turnMs'] as const) {
    console.log(`${name}: ${peaks[name].toFixed(name === 'turnMs' ? 1 : 0)}, limit ${limits[name]}`);
    if (peaks[name] >= limits[name]) process.exitCode = 1;
  }
  console.log(`failed: ${failures.length}`, ...failures.slice(0, 3));
  if (failures.length > 0) process.exitCode = 1;
} finally {
  server.disconnect();
  await once(server, 'exit');
  await rm(directory, { recursive: true });
}
