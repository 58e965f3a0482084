// Many backups at once, in a process of their own, on the library as it is published. Arguments: the compiled library, a directory;
// on its standard input what to back up.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { json } from 'node:stream/consumers';
import { clearInterval, setImmediate, setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';

const [library = '', directory = ''] = process.argv.slice(2);
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
const asked = /** @type {import('./many.js').ManyBackups} */ (await json(process.stdin));

/** CPU time of the main thread, in milliseconds. Not wall time: that of a busy machine is nobody's fault. */
const cpuMs = () =>
  Number(readFileSync(`/proc/self/task/${String(process.pid)}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

const peaks = { descriptors: 0, memoryMiB: 0, turnMs: 0, transfers: 0 };
let moving = 0;

/**
 * The session; counts the downloads that are under way.
 *
 * @param {import('../src/vim/index.js').SoapVimSession} vim
 * @returns {import('../src/index.js').VimSession}
 */
const counting = (vim) => ({
  get serviceContent() {
    return vim.serviceContent;
  },
  host: vim.host,
  port: vim.port,
  invoke: (method, target, args, options) => vim.invoke(method, target, args, options),
  async download(url, options) {
    const opened = await vim.download(url, options);
    peaks.transfers = Math.max(peaks.transfers, ++moving);
    opened.stream.once('close', () => {
      moving--;
    });
    return opened;
  },
  upload: (url, source, options) => vim.upload(url, source, options),
});

const vim = new SoapVimSession(asked.session);
await vim.connect();
const driver = new VmdkDriver({
  vim: counting(vim),
  backupService: new FileBackupService({ directory }),
  config: { tmpDir: directory, transfersPerHost: asked.transfersPerHost, transfer: asked.transfer },
});

let last = cpuMs();
let isOver = false;
const turn = () => {
  peaks.turnMs = Math.max(peaks.turnMs, cpuMs() - last);
  last = cpuMs();
  if (!isOver) setImmediate(turn);
};
const sample = setInterval(() => {
  const before = cpuMs();
  peaks.descriptors = Math.max(peaks.descriptors, readdirSync('/proc/self/fd').length);
  peaks.memoryMiB = Math.max(peaks.memoryMiB, process.memoryUsage.rss() / 2 ** 20);
  // What looking costs is not the driver's.
  last += cpuMs() - before;
}, 50);
setImmediate(turn);
const began = performance.now();
/** @type {string[]} */
const failures = [];
await Promise.all(
  asked.volumes.map((volume) =>
    driver
      .backupVolume({ id: volume.id, volumeId: volume.id }, volume)
      .catch((/** @type {unknown} */ error) => failures.push(String(error))),
  ),
);
isOver = true;
clearInterval(sample);
const seconds = (performance.now() - began) / 1000;
await vim.disconnect();
process.stdout.write(JSON.stringify({ ...peaks, seconds, failures }));
