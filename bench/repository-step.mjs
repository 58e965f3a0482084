// One operation on a repository in a process of its own, on the library as it is published: its memory and its CPU time are
// then the operation's. Arguments: the compiled package, the operation, the directory, the backup's name.
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';

const [library = '', step = '', directory = '', name = ''] = process.argv.slice(2);
/** @type {unknown} */
const stores = await import(pathToFileURL(join(library, 'stores', 'index.js')).href);
/** @type {unknown} */
const repositories = await import(pathToFileURL(join(library, 'repository', 'index.js')).href);
const { FileObjectStore } = /** @type {typeof import('../src/stores/index.js')} */ (stores);
const { RepositoryBackupService } = /** @type {typeof import('../src/repository/index.js')} */ (repositories);
const service = new RepositoryBackupService({
  store: new FileObjectStore({ directory: join(directory, 'repository') }),
});
const backup = { id: name, volumeId: 'v1' };

/** @type {Record<string, () => Promise<unknown>>} */
const steps = {
  initialize: () => service.initialize(),
  backup: async () => {
    const writer = await service.openBackup(backup);
    /** @type {AsyncIterable<Uint8Array>} */
    const chunks = createReadStream(join(directory, `${name}.vmdk`), { highWaterMark: 2 ** 20 });
    for await (const chunk of chunks) await writer.write(chunk);
    // Without a manifest: what the stream is, nobody said.
    return /** @type {() => Promise<unknown>} */ (writer.commit.bind(writer))();
  },
  restore: async () => {
    const { stream } = await service.openRestore(backup);
    await pipeline(stream, createWriteStream(join(directory, 'restored.vmdk'), { flush: true }));
  },
};

const before = process.cpuUsage();
const start = performance.now();
await steps[step]?.();
const wall = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ wall, cpu: (user + system) / 1e6, rss: largestRss() }));

/** In MiB. `getrusage` also counts what the parent process had when it started this one. */
function largestRss() {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kib = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return (kib === undefined ? process.resourceUsage().maxRSS : Number(kib)) / 1024;
}
