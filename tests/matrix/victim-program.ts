import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../', import.meta.url));
const victim = join('tests', 'matrix', 'victim.ts');

/** One for each process that makes victims. */
const directory = join(root, 'node_modules', '.cache', 'vmdk-driver-matrix', String(process.pid));

let program: Promise<string> | undefined;

/**
 * The victim as JavaScript, with the library it needs, made once per process: a victim has to start fast, and there are
 * hundreds of them. It lies below `node_modules`, where the dependencies are found and nobody looks for sources.
 */
export function victimProgram(): Promise<string> {
  return (program ??= build());
}

async function build(): Promise<string> {
  const sources = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true });
  const files = sources
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  await Promise.all(
    [...files, victim].map(async (file) => {
      const { code } = await transformFile(join(root, file), {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      });
      const target = join(directory, file.replace(/\.ts$/, '.js'));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, code);
    }),
  );
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n');
  return join(directory, victim.replace(/\.ts$/, '.js'));
}

/** Removes it. */
export function removeVictimProgram(): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}
