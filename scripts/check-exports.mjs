// Has publint and "are the types wrong?" look at the package as npm would publish it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack } from './pack.mjs';

const binaries = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'vmdk-driver-exports-'));
try {
  const tarball = pack(directory);
  const failed = [
    ['publint', 'run', '--strict', tarball],
    // The package brings its own types: nothing to look up in a registry.
    ['attw', '--no-definitely-typed', '--no-emoji', tarball],
  ].filter(([name = '', ...args]) => {
    const shell = process.platform === 'win32';
    return spawnSync(join(binaries, name), args, { shell, stdio: 'inherit' }).status !== 0;
  });
  process.exitCode = failed.length;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
