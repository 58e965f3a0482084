// One transfer in a process of its own, on the library as it is published: memory and CPU time are then the transfer's.
// Arguments: the compiled library, the step, the directory, what the server said of itself.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { clearInterval, setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';
import { collectGarbage } from './support/collect-garbage.mjs';

const MIB = 2 ** 20;
const [library = '', step = '', directory = '', ready = '{}'] = process.argv.slice(2);
/** @type {unknown} */
const said = JSON.parse(ready);
const server = /** @type {import('./transfer.js').Server} */ (said);
/**
 * @param {string} path
 * @returns {Promise<unknown>}
 */
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { VmdkDriver } = /** @type {typeof import('../src/index.js')} */ (await load('index.js'));
const { FileBackupService } = /** @type {typeof import('../src/services/index.js')} */ (
  await load('services/index.js')
);
const { SoapVimSession } = /** @type {typeof import('../src/vim/index.js')} */ (await load('vim/index.js'));

// Files that are written are deleted at once, so that no step has to do with memory that the others left.
const tmpDir = join(directory, 'tmp');
await mkdir(tmpDir, { recursive: true });
const store = new FileBackupService({ directory: join(tmpDir, 'store') });
/** Has the backup that is restored. */
const kept = new FileBackupService({ directory: join(directory, 'kept') });
const vim = new SoapVimSession(server.session);
await vim.connect();

/** Takes every byte and keeps none. */
const nowhere = {
  backup: () => Promise.resolve(),
  restore: () => Promise.reject(new Error('nothing is kept')),
  openBackup: () =>
    Promise.resolve({
      // As the services of the library: what was written is theirs no more, and its memory is used again.
      [Symbol.for('vmdk-driver/takes-by-value')]: true,
      write: () => Promise.resolve(),
      commit: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    }),
};

/** @param {'file' | 'stream'} transfer */
const driver = (transfer, backupService = /** @type {import('../src/index.js').BackupService} */ (store)) =>
  new VmdkDriver({ vim, backupService, config: { transfer, tmpDir } });
/** @param {string} id */
const backupOf = (id) => ({ id, volumeId: server.source.id });

const plain = { port: server.plainPort, host: '127.0.0.1', rejectUnauthorized: false, agent: false };

/**
 * @param {import('node:http').ClientRequest} sent
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
const answerTo = (sent) => new Promise((resolve, reject) => sent.once('response', resolve).once('error', reject));

const get = () => answerTo(request(plain).end());

/** @param {string} path */
async function put(path) {
  const sent = request({ ...plain, method: 'POST', headers: { 'Content-Length': server.streamBytes } });
  const answered = answerTo(sent);
  const hash = createHash('sha256');
  const file = createReadStream(path, { highWaterMark: MIB });
  file.on('data', (chunk) => hash.update(chunk));
  file.pipe(sent);
  await once((await answered).resume(), 'end');
}

const stream = join(directory, 'stream.vmdk');
const file = join(tmpDir, 'plain');

/** @type {Record<string, () => Promise<unknown>>} */
const steps = {
  'https to nowhere': async () => once((await get()).resume(), 'end'),
  'https to a file': async () => pipeline(await get(), createWriteStream(file, { highWaterMark: MIB })),
  'https to a file, SHA-256': async () => {
    const hash = createHash('sha256');
    const response = await get();
    response.on('data', (/** @type {Buffer} */ chunk) => hash.update(chunk));
    await pipeline(response, createWriteStream(file, { highWaterMark: MIB }));
  },
  'read, SHA-256, https upload': () => put(stream),
  'read, write, read, SHA-256, https upload': async () => {
    await pipeline(createReadStream(stream, { highWaterMark: MIB }), createWriteStream(file, { highWaterMark: MIB }));
    await put(file);
  },
  'backup by stream to nowhere': () => driver('stream', nowhere).backupVolume(backupOf('nowhere'), server.source),
  'backup by stream': () => driver('stream').backupVolume(backupOf('stream'), server.source),
  'backup by file': () => driver('file').backupVolume(backupOf('file'), server.source),
  prepare: () => driver('stream', kept).backupVolume(backupOf('kept'), server.source),
  'restore by stream': () => driver('stream', kept).restoreBackup(backupOf('kept'), server.target),
  'restore by file': () => driver('file', kept).restoreBackup(backupOf('kept'), server.target),
  verify: () => driver('stream', kept).verifyBackup(backupOf('kept')),
};

const schedstat = openSync(`/proc/self/task/${String(process.pid)}/schedstat`, 'r');
const schedstatBytes = Buffer.alloc(100);

/** CPU time of the main thread in seconds; Linux only. */
function mainThreadCpu() {
  const length = readSync(schedstat, schedstatBytes, 0, schedstatBytes.length, 0);
  return Number(schedstatBytes.toString('latin1', 0, length).split(' ')[0]) / 1e9;
}

/** The longest time that the main thread was busy without looking at its timers, in CPU milliseconds. */
let longestHold = 0;
let lookedAt = mainThreadCpu();
function look() {
  const now = mainThreadCpu();
  longestHold = Math.max(longestHold, (now - lookedAt) * 1000);
  lookedAt = now;
}

await collectGarbage();
// In a virtual machine, memory that was not used for a while must be got from the hypervisor first, which can cost more than
// all else: the page cache of a file that is deleted now is there for those that are written next.
await writeFile(
  file,
  (function* () {
    const chunk = Buffer.alloc(MIB);
    for (let bytes = 0; bytes < 2 * server.streamBytes; bytes += MIB) yield chunk;
  })(),
);
await rm(file);
const idle = process.memoryUsage.rss();
// Has the kernel forget the largest resident set so far.
writeFileSync('/proc/self/clear_refs', '5');
const timer = setInterval(look, 2);
look();
longestHold = 0;
const cpu = process.cpuUsage();
const mainBefore = mainThreadCpu();
const began = performance.now();
await steps[step]?.();
const wall = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
look();
clearInterval(timer);
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
console.log(
  JSON.stringify({
    cpu: (user + system) / 1e6,
    main: lookedAt - mainBefore,
    wall,
    rss: (peak - idle) / MIB,
    hold: longestHold,
  }),
);
await rm(tmpDir, { recursive: true });
await vim.disconnect();
