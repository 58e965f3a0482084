import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, programs } from './cache-directory.js';
import { install } from './install.js';
import type { Peer } from './peer.js';

/** A package of the Python environment, and the interpreter that finds it. */
export interface PythonPackage extends Peer {
  readonly python: string;
}

/**
 * A package of the one virtual environment that is made from all `programs/requirements*.txt`.
 *
 * @throws PeerUnavailableError
 */
export async function pythonPackage(name: string): Promise<PythonPackage> {
  const requirements = (await readdir(programs)).filter((file) => /^requirements.*\.txt$/.test(file)).sort();
  const directory = await cached('python', requirements, async (directory) => {
    await install('python3', ['-m', 'venv', directory]);
    const files = requirements.flatMap((file) => ['-r', join(programs, file)]);
    await install(join(directory, 'bin/python'), ['-m', 'pip', 'install', '--no-input', '--quiet', ...files]);
  });
  const python = join(directory, 'bin/python');
  const script = 'import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))';
  const version = (await install(python, ['-c', script, name])).trim();
  return { name, version, python };
}
