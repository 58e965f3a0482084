import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts', 'src', 'examples', 'docs'];
const texts = ['README.md', 'CHANGELOG.md', 'LICENSE', 'SECURITY.md'];

/**
 * Builds and packs the package in a copy of the project, so that nobody's `dist` is disturbed and none that is
 * left over gets in.
 *
 * @param {string} directory where the copy and the tarball go
 * @returns {string} the tarball's path
 */
export function pack(directory) {
  const project = join(directory, 'project');
  mkdirSync(project);
  for (const name of [...sources, ...texts.filter((text) => existsSync(join(root, text)))]) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'), 'junction');

  run(process.execPath, ['scripts/build.mjs'], project);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], project);
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack left no tarball');
  return join(directory, tarball);
}

/** @type {(command: string, args: string[], cwd: string) => void} */
function run(command, args, cwd) {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, shell, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
}
