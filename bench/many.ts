/**
 * Runs many backups at once by one driver, and measures what they take: file descriptors, memory, and the longest turn of the
 * main thread in CPU time. A storage controller has a night for thousands of volumes.
 *
 *     npm run bench:many                      500 backups, two hosts with 32 transfers each
 *     npm run bench:many -- --backups 50 --per-host 4
 *
 * The simulator runs in a process of its own. It has one address; every other disk is fetched by another name of it, so that
 * there are two hosts to the driver.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VmdkDriver, type VimSession } from '../src/index.js';
import { FileBackupService } from '../src/services/index.js';
import { SoapVimSession } from '../src/vim/index.js';
import type { ManyReady } from './many-simulator.js';

const { values } = parseArgs({
  options: {
    backups: { type: 'string', default: '500' },
    'per-host': { type: 'string', default: '32' },
    kib: { type: 'string', default: '1024' },
    transfer: { type: 'string', default: 'auto' },
  },
});
const limits = { descriptors: 500, memoryMiB: 400, turnMs: 50 };

/** CPU time of the main thread, in milliseconds. Not wall time: that of a busy machine is nobody's fault. */
function cpuMs(): number {
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid.toString()}/schedstat`, 'latin1').split(' ');
  return Number(nanoseconds) / 1e6;
}

/** The most there was of each while something worked. */
async function peaksOf(work: () => Promise<unknown>) {
  const peaks = { descriptors: 0, memoryMiB: 0, turnMs: 0, transfers: 0 };
  let last = cpuMs();
  let over = false;
  const turn = (): void => {
    peaks.turnMs = Math.max(peaks.turnMs, cpuMs() - last);
    last = cpuMs();
    if (!over) setImmediate(turn);
  };
  const sample = setInterval(() => {
    peaks.descriptors = Math.max(peaks.descriptors, readdirSync('/proc/self/fd').length);
    peaks.memoryMiB = Math.max(peaks.memoryMiB, process.memoryUsage.rss() / 2 ** 20);
    peaks.transfers = Math.max(peaks.transfers, moving);
    // What looking costs is not the driver's.
    last = cpuMs();
  }, 50);
  setImmediate(turn);
  try {
    await work();
  } finally {
    over = true;
    clearInterval(sample);
  }
  return peaks;
}

let moving = 0;
let fetched = 0;

/** The session, by two names of its host in turn; and counts the downloads that are under way. */
function byTwoNames(vim: SoapVimSession): VimSession {
  return {
    get serviceContent() {
      return vim.serviceContent;
    },
    host: vim.host,
    port: vim.port,
    invoke: (method, target, args, options) =>
      vim.invoke(method, target, args, options).then((result) => {
        for (const { url, set } of urlsIn(result))
          if (fetched++ % 2 === 1) set(url.replace('//127.0.0.1:', '//localhost:'));
        return result;
      }),
    async download(url, options) {
      const opened = await vim.download(url, options);
      moving++;
      opened.stream.once('close', () => {
        moving--;
      });
      return opened;
    },
    upload: (url, source, options) => vim.upload(url, source, options),
  };
}

interface Place {
  readonly url: string;
  readonly set: (url: string) => void;
}

/** Where a lease's information says how its disks are reached. */
function urlsIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]): Place[] => {
    if (key !== 'url' || typeof inner !== 'string') return urlsIn(inner);
    return [{ url: inner, set: (url) => Object.assign(value, { url }) }];
  });
}

const directory = await mkdtemp(join(tmpdir(), 'many-bench-'));
const server = fork(fileURLToPath(new URL('many-simulator.ts', import.meta.url)), [values.backups, values.kib]);
const [ready] = (await once(server, 'message')) as [ManyReady];
try {
  await using vim = new SoapVimSession(ready.session);
  await vim.connect();
  const driver = new VmdkDriver({
    vim: byTwoNames(vim),
    backupService: new FileBackupService({ directory }),
    config: {
      tmpDir: directory,
      transfersPerHost: Number(values['per-host']),
      transfer: values.transfer as 'auto' | 'file' | 'stream',
    },
  });
  const began = performance.now();
  const failures: unknown[] = [];
  const peaks = await peaksOf(() =>
    Promise.all(
      ready.volumes.map((volume) =>
        driver
          .backupVolume({ id: volume.id, volumeId: volume.id }, volume)
          .catch((error: unknown) => failures.push(error)),
      ),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${values.backups} backups at once, ${peaks.transfers} transferring, in ${seconds.toFixed(1)} s, Node ${process.version}`,
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
