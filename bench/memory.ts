/**
 * Measures how much memory a backup and a restore take beside what the process takes at rest. Memory must not grow with
 * the disk: the target is less than 200 MiB more, whatever its size.
 *
 *     npm run bench:memory                    a 4 GiB volume, 1 GiB of it in use
 *     npm run bench:memory -- --capacity 1 --used 64
 *
 * The simulator runs in a process of its own: only the driver, the session and `FileBackupService` are measured. The
 * figure is the resident set, sampled every 20 ms; collections of garbage are left to Node.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VmdkDriver } from '../src/index.js';
import { FileBackupService } from '../src/services/index.js';
import { SoapVimSession } from '../src/vim/index.js';
import type { Ready } from './memory-simulator.js';

const MIB = 2 ** 20;
const targetMiB = 200;

const { values } = parseArgs({
  options: { capacity: { type: 'string', default: '4' }, used: { type: 'string', default: '1024' } },
});
const sizeGiB = Number(values.capacity);

/** Runs something and gives the largest resident set there was meanwhile, in MiB. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak / MIB;
}

async function startServer(): Promise<{ server: ChildProcess; ready: Ready }> {
  const server = fork(fileURLToPath(new URL('memory-simulator.ts', import.meta.url)), [String(sizeGiB), values.used]);
  const [ready] = (await once(server, 'message')) as [Ready];
  return { server, ready };
}

const directory = await mkdtemp(join(tmpdir(), 'memory-bench-'));
const { server, ready } = await startServer();
try {
  await using vim = new SoapVimSession(ready.session);
  await vim.connect();
  const backupService = new FileBackupService({ directory });
  const { volume } = ready;
  const backup = { id: 'backup', volumeId: volume.id };
  const driverBy = (transfer: 'file' | 'stream') =>
    new VmdkDriver({ vim, backupService, config: { transfer, tmpDir: directory } });

  // What loading everything left behind is collected by and by.
  await sleep(2_000);
  const idle = process.memoryUsage.rss() / MIB;
  console.log(
    `${sizeGiB} GiB volume, ${values.used} MiB in use, Node ${process.version}; idle: ${idle.toFixed(0)} MiB`,
  );

  let worst = 0;
  const measure = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    const over = (await peakOf(work)) - idle;
    worst = Math.max(worst, over);
    console.log(`${what}: ${over.toFixed(0)} MiB over idle, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  };
  for (const transfer of ['stream', 'file'] as const) {
    const driver = driverBy(transfer);
    await measure(`backup, by ${transfer}`, () => driver.backupVolume(backup, volume));
    await measure(`restore, by ${transfer}`, () => driver.restoreBackup(backup, volume));
  }
  const verdict = worst < targetMiB ? 'met' : 'NOT met';
  console.log(`largest: ${worst.toFixed(0)} MiB over idle, target ${targetMiB}: ${verdict}`);
  if (worst >= targetMiB) process.exitCode = 1;
} finally {
  // It removes its disks before it ends.
  server.disconnect();
  await once(server, 'exit');
  await rm(directory, { recursive: true });
}
