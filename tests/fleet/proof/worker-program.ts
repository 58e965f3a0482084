import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { only, target, workerAsText } from '../../../scripts/build/plugins.mjs';

/** Below `node_modules`, where the dependencies are found. */
const file = resolve('node_modules', '.cache', `vmdk-driver-fleet-${process.pid.toString()}`, 'worker.mjs');

/** The worker as one file of JavaScript: it is started again and again. */
export async function buildWorkerProgram(): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await build({
    entryPoints: [join('tests', 'fleet', 'proof', 'worker.ts')],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target,
    plugins: [only([]), workerAsText],
    logLevel: 'warning',
  });
  return file;
}

export function removeWorkerProgram(): Promise<void> {
  return rm(dirname(file), { recursive: true, force: true });
}
