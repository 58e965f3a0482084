import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { unpackTo } from './tarball.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The parts of package.json that the tests read. */
export interface PackageJson {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly repository?: { readonly url: string };
  readonly homepage?: string;
  readonly bugs?: string;
  readonly publishConfig?: { readonly provenance?: boolean };
  readonly scripts: Readonly<Record<string, string>>;
}

/** A fresh project into which the packed package was installed, and nothing else of this project. */
export interface Consumer extends AsyncDisposable {
  /** Where the package is installed. */
  readonly installed: string;
  readonly manifest: PackageJson;
  /** Runs Node in the consumer's directory; resolves to what it printed. */
  node(...args: string[]): Promise<string>;
  /** Runs a line in the consumer's directory, as a shell does; resolves to what it printed. */
  shell(line: string): Promise<string>;
  /** Type-checks the consumer: the compiler's complaints, and every file that it read. */
  typeCheck(): Promise<{ readonly errors: string[]; readonly files: string[] }>;
}

/**
 * Installs the packed package. A registry is not asked: the tarball is unpacked where npm would unpack it, and the dependencies that the package declares, and only those, are linked from this project.
 */
export async function createConsumer(): Promise<Consumer> {
  const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-consumer-'));
  const dispose = () => rm(directory, { recursive: true, force: true });
  try {
    const modules = join(directory, 'node_modules');
    const installed = join(modules, 'vmdk-driver');
    await cp(fileURLToPath(new URL('../consumer', import.meta.url)), directory, { recursive: true });
    await mkdir(modules);

    await unpackTo(installed);

    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as PackageJson;
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name), 'junction');
    }
    await linkPrograms(modules, installed, manifest);
    await compileToCommonjs(join(directory, 'work-with.mjs'));
    // One text, compiled as an ES module and as CommonJS.
    const usage = await readFile(join(directory, 'usage.ts'), 'utf8');
    await writeFile(join(directory, 'esm.mts'), usage);
    await writeFile(join(directory, 'commonjs.cts'), usage);

    return {
      installed,
      manifest,
      shell: async (line) => (await run('sh', ['-c', line], { cwd: directory })).stdout,
      node: async (...args) => (await run(process.execPath, args, { cwd: directory })).stdout,
      typeCheck: async () => {
        const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
        const output = await run(process.execPath, [tsc, '-p', '.', '--listFiles', '--pretty', 'false'], {
          cwd: directory,
        }).then(
          ({ stdout }) => stdout,
          (error: unknown) => (error as { stdout: string }).stdout,
        );
        const lines = output.split('\n').filter((line) => line !== '');
        return {
          errors: lines.filter((line) => !isAbsolute(line)),
          files: lines.filter((line) => isAbsolute(line)),
        };
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Makes the package's programs known, as npm does. */
async function linkPrograms(modules: string, installed: string, { bin }: PackageJson): Promise<void> {
  await mkdir(join(modules, '.bin'));
  for (const [name, path] of Object.entries(bin)) {
    await chmod(join(installed, path), 0o755);
    await symlink(join(installed, path), join(modules, '.bin', name));
  }
}

/** Writes a module's CommonJS form beside it. */
export async function compileToCommonjs(path: string): Promise<void> {
  const { code } = await transform(await readFile(path, 'utf8'), { format: 'cjs', platform: 'node' });
  await writeFile(path.replace(/\.mjs$/, '.cjs'), code);
}
