import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { entryPoints, root } from './entry-points.mjs';

const directory = join(root, 'dist', 'esm');

/** Writes the declarations that the entry points' need, for both halves: their text is the same, their format the directory's. */
export function buildDeclarations() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const args = [tsc, '-p', 'tsconfig.build.json'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);

  const needed = reachable(entryPoints().map((name) => join(directory, `${name}.d.ts`)));
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    if (name.endsWith('.d.ts') && !needed.has(path)) rmSync(path);
  }
  cpSync(directory, join(root, 'dist', 'cjs'), { recursive: true });
}

/**
 * @param {readonly string[]} entries
 * @returns {Set<string>} them and all that they import, directly or not
 */
function reachable(entries) {
  const found = new Set(entries);
  // What is added meanwhile is visited too.
  for (const path of found) {
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      found.add(join(dirname(path), `${specifier}.d.ts`));
    }
  }
  return found;
}
