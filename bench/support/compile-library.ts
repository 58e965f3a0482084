import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Compiles the library as the package does: a loader that compiles on the way would be measured with it.
 *
 * @param directory gets a folder `library`
 * @param part what of `src` is wanted, with what it imports
 */
export function compileLibrary(directory: string, part = ''): void {
  const config = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: join(root, 'src'),
      outDir: join(directory, 'library'),
      typeRoots: [join(root, 'node_modules', '@types')],
      declaration: false,
      emitDeclarationOnly: false,
    },
    include: [join(root, 'src', part)],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  // What the library depends on.
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the library does not compile: ${stdout}`);
}
