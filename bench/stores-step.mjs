// One backup by stream into a store, in a process of its own, on the library as it is published: memory and CPU time are then the
// backup's. Arguments: the compiled library, the directory, what the server said of itself, the place.
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { collectGarbage } from './support/collect-garbage.mjs';

const MIB = 2 ** 20;
const [library = '', directory = '', ready = '{}', told = '{}'] = process.argv.slice(2);
/** @type {unknown} */
const said = JSON.parse(ready);
const server = /** @type {import('./transfer.js').Server} */ (said);
/** @type {unknown} */
const where = JSON.parse(told);
const place = /** @type {import('./stores.js').BenchPlace} */ (where);
/**
 * @param {string} path
 * @returns {Promise<unknown>}
 */
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { VmdkDriver } = /** @type {typeof import('../src/index.js')} */ (await load('index.js'));
const { FileBackupService, ObjectBackupService, RbdBackupService } =
  /** @type {typeof import('../src/services/index.js')} */ (await load('services/index.js'));
const { S3ObjectStore, SwiftObjectStore } = /** @type {typeof import('../src/stores/index.js')} */ (
  await load('stores/index.js')
);
const { SoapVimSession } = /** @type {typeof import('../src/vim/index.js')} */ (await load('vim/index.js'));

const files = join(directory, 'backups');

function service() {
  switch (place.kind) {
    case 'file':
      return new FileBackupService({ directory: files });
    case 's3':
      return new ObjectBackupService({ store: new S3ObjectStore(place.options) });
    case 'swift':
      return new ObjectBackupService({ store: new SwiftObjectStore(place.options) });
    case 'rbd':
      return new RbdBackupService(place.options);
  }
}

const vim = new SoapVimSession(server.session);
await vim.connect();
const backupService = service();
const driver = new VmdkDriver({ vim, backupService, config: { transfer: 'stream', tmpDir: directory } });
const backup = { id: 'backup', volumeId: server.source.id };

await collectGarbage();
// Has the kernel forget the largest resident set so far.
writeFileSync('/proc/self/clear_refs', '5');
const before = process.cpuUsage();
const began = performance.now();
await driver.backupVolume(backup, server.source);
const wall = (performance.now() - began) / 1000;
// Of this process, without that of a program it starts.
const { user, system } = process.cpuUsage(before);
const rss = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
console.log(JSON.stringify({ cpu: (user + system) / 1e6, wall, rss, mib: server.streamBytes / MIB }));
await backupService.delete(backup);
await rm(files, { recursive: true, force: true });
await vim.disconnect();
