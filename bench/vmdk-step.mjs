// One operation in a process of its own, on the library as it is published: its memory and its CPU time are then the
// operation's. Arguments: the compiled entry point, the operation, the directory, the number of workers (0: default).
import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { printSample } from './support/print-sample.mjs';

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

await printSample(steps[step]);
