import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where peers are kept between runs. */
const cache = resolve(
  process.env['VMDK_DRIVER_PEERS'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmdk-driver-peers'),
);

/** Where the programs that peers are made from are. */
export const programs = resolve('tests/peers/programs');

/**
 * A directory of the cache that `fill` has made whole, once for each state of the files it is made from.
 *
 * @param sources what the content depends on, below {@link programs}
 * @param fill puts the content where it is told, which is its final place: a Python environment cannot be moved
 */
export async function cached(
  name: string,
  sources: readonly string[],
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(await readFile(join(programs, source)));
  const directory = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
  const complete = join(directory, '.complete');
  if (existsSync(complete)) return directory;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await fill(directory);
  await writeFile(complete, '');
  return directory;
}
