/**
 * Measures whether a simulator that runs for days keeps its size: its resident set while it answers 100,000 calls, which open and leave
 * sessions, create and delete VMs, run tasks, and open and abort leases.
 *
 *     npm run bench:simulator
 *     npm run bench:simulator -- --calls 10000
 *
 * It is the command line's `simulate`, in a process of its own; the figure is read from /proc, so on Linux only.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BackupService, VmdkDriver } from '../src/index.js';
import { SoapVimSession } from '../src/vim/index.js';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '100000' } } });
const calls = Number(values.calls);
const loader = fileURLToPath(new URL('../scripts/ts-node.mjs', import.meta.url));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

const server = spawn(process.execPath, ['--import', loader, main, 'simulate', '--port', '0', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(server, 'exit');
let said = '';
for await (const text of server.stdout.setEncoding('utf8')) {
  said += String(text);
  if (said.endsWith('}\n')) break;
}
const { url, username, password, thumbprint } = JSON.parse(said) as Readonly<Record<string, string>>;
const { hostname: host, port } = new URL(url ?? '');

async function residentMiB(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** The library's own session, counting. */
class CountingSession extends SoapVimSession {
  static calls = 0;
  override invoke: SoapVimSession['invoke'] = (...args) => {
    CountingSession.calls++;
    return super.invoke(...args);
  };
}

const unused: BackupService = { backup: () => Promise.reject(new Error()), restore: () => Promise.reject(new Error()) };

/** One session: volumes that come and go. */
async function round(): Promise<void> {
  const vim = new CountingSession({
    host,
    port: Number(port),
    username: username ?? '',
    password: password ?? '',
    thumbprint,
  });
  await vim.connect();
  const driver = new VmdkDriver({ vim, backupService: unused });
  for (let i = 0; i < 10; i++) {
    const volume = { id: randomUUID(), size: 1 };
    const vm = await driver.createBacking(volume);
    const lease = await vim.invoke('ExportVm', vm, {});
    await vim.invoke('HttpNfcLeaseAbort', lease, {});
    await driver.deleteBacking(volume);
  }
  await vim.disconnect();
}

try {
  const began = performance.now();
  let next = 0;
  while (CountingSession.calls < calls) {
    await Promise.all(Array.from({ length: 8 }, round));
    if (CountingSession.calls < next) continue;
    next += calls / 10;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${CountingSession.calls} calls, ${seconds} s: ${(await residentMiB()).toFixed(0)} MiB`);
  }
  console.log(`${CountingSession.calls} calls: ${(await residentMiB()).toFixed(0)} MiB`);
} finally {
  server.kill('SIGINT');
  await ended;
}
