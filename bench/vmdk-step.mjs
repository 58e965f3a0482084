// One operation in a process of its own, on the library as it is published: its memory and its CPU time are then the
// operation's. Arguments: the compiled entry point, the operation, the directory, the number of workers (0: default).
import { Buffer } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const [library = '', step = '', directory = '', workers = '0'] = process.argv.slice(2);
/** @type {unknown} */
const loaded = await import(pathToFileURL(library).href);
const vmdk = /** @type {typeof import('../src/vmdk/index.js')} */ (loaded);
const raw = join(directory, 'disk.raw');
const stream = join(directory, 'ours.vmdk');
const options = workers === '0' ? {} : { workers: Number(workers) };

/** @type {Record<string, () => Promise<unknown>>} */
const steps = {
  read: async () => {
    const handle = await open(stream, 'r');
    const buffer = Buffer.allocUnsafeSlow(2 ** 20);
    while ((await handle.read(buffer, 0, buffer.length, null)).bytesRead > 0);
    await handle.close();
  },
  inspect: () => vmdk.inspectVmdk(stream),
  verify: () => vmdk.verifyVmdk(stream, options),
  decode: () => vmdk.decodeVmdk(stream, join(directory, 'out.raw'), options),
  encode: () => vmdk.encodeVmdk(raw, stream, options),
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
