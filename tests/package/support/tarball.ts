import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The packed package, as pack-once.js left it. */
export function tarball(): string {
  const path = process.env['VMDK_DRIVER_TARBALL'];
  if (path === undefined) throw new Error('the package is packed by `npm run test:package`');
  return path;
}

/** Unpacks it, as npm would. */
export async function unpackTo(directory: string): Promise<void> {
  const unpacking = await mkdtemp(join(dirname(directory), 'unpacking-'));
  await run('tar', ['-xzf', tarball(), '-C', unpacking]);
  await rename(join(unpacking, 'package'), directory);
  await rm(unpacking, { recursive: true });
}
