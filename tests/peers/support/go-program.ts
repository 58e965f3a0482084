import { join } from 'node:path';
import { cached, programs } from './cache-directory.js';
import { install } from './install.js';
import type { Peer } from './peer.js';

/** A program built from `programs/<name>` with the versions that `programs/go.mod` pins. */
export interface GoProgram extends Peer {
  readonly path: string;
}

/**
 * @param module whose version is the program's
 * @throws PeerUnavailableError
 */
export async function goProgram(name: string, module: string): Promise<GoProgram> {
  const go = (...args: string[]) => install('go', args, { cwd: programs });
  const directory = await cached(name, ['go.mod', 'go.sum', `${name}/main.go`], async (directory) => {
    await go('build', '-trimpath', '-ldflags=-s -w', '-o', join(directory, name), `./${name}`);
  });
  const version = (await go('list', '-m', '-f', '{{.Version}}', module)).trim();
  return { name, version, path: join(directory, name) };
}
