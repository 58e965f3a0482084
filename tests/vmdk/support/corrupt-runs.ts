/**
 * Reads corrupt streams, one operation after the other, in one process: a thread that is ended while it inflates would
 * take the process with it. `npm run stress:vmdk -- 2000`; the tests run some, in a process of its own.
 *
 * @module
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AbortError } from '../../../src/errors/index.js';
import { decodeVmdk, encodeVmdkStream, verifyVmdk } from '../../../src/vmdk/index.js';
import { chunked, collect, diskOf, GRAIN, prose } from './disks.js';
import { refusal } from './outcome.js';

const runs = Number(process.argv[2] ?? 40);

const grains = new Map([...Array(320).keys()].map((index) => [index, prose(`${index}`, GRAIN)]));
const stream = await collect(encodeVmdkStream(diskOf(320 * GRAIN, grains)));
// In the first grain, so that all threads are at work when it is found.
stream[128 * 512 + 40]! ^= 0x55;

const directory = await mkdtemp(join(tmpdir(), 'vmdk-corrupt-'));
const vmdk = join(directory, 'corrupt.vmdk');
await writeFile(vmdk, stream);
let refused = 0;
let aborted = 0;
for (let run = 0; run < runs; run++) {
  const signal = run % 5 === 4 ? AbortSignal.timeout(run % 50) : undefined;
  const options = { workers: 4, signal };
  try {
    const found = await refusal(() => {
      if (run % 2 === 0) return decodeVmdk(vmdk, join(directory, 'disk.raw'), options);
      return verifyVmdk(chunked(stream), options);
    });
    if (found?.startsWith('grain-') === true) refused += 1;
  } catch (error) {
    if (!(error instanceof AbortError)) throw error;
    aborted += 1;
  }
}
const left = (await readdir(directory)).filter((name) => name !== 'corrupt.vmdk');
await rm(directory, { recursive: true });
console.log(JSON.stringify({ node: process.version, runs, ended: refused + aborted, left }));
