import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { build, transform } from 'esbuild';
import { entryPoints, programs, root } from './entry-points.mjs';
import { builtinsAsImports, only, target, withoutUnused, workerAsText } from './plugins.mjs';

/**
 * Packages that go into the package itself: those which are of the other half's format only, and those which
 * few users need, for the simulator or the command line, and none then installs.
 *
 * - An ES module that a bundler made cannot `require` what a CommonJS package does.
 * - jest loads no ES module where it runs CommonJS.
 */
const ofFewUsers = ['commander', 'sax', 'selfsigned'];
const includedInEsm = ['soap', 'tmp-promise', ...ofFewUsers];
const includedInCommonjs = ['node-fetch', ...ofFewUsers];

/** @type {import('esbuild').BuildOptions & { write: false, metafile: true }} */
const options = {
  absWorkingDir: root,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target,
  legalComments: 'none',
  write: false,
  metafile: true,
  logLevel: 'warning',
};

/** @type {(names: readonly string[]) => Record<string, string>} */
const sourcesOf = (names) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));

/**
 * Writes the ES modules, and the programs, which are such.
 *
 * @param {string} [outdir]
 * @returns {Promise<string[]>} the files of other packages that went into it
 */
export async function buildEsm(outdir = 'dist/esm') {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: sourcesOf([...entryPoints(), ...programs()]),
    outdir,
    plugins: [only(includedInEsm), workerAsText, withoutUnused, builtinsAsImports],
  });
  for (const { path, text } of outputFiles) write(path, text);
  return Object.keys(metafile.inputs);
}

/**
 * Writes dist/cjs: the same chunks, translated one by one, since esbuild divides only ES modules. What several entry points use
 * must be there once: it has state, and classes.
 *
 * @returns {Promise<string[]>} the files of other packages that went into it
 */
export async function buildCommonjs() {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: sourcesOf(entryPoints()),
    outdir: 'dist/cjs',
    plugins: [only(includedInCommonjs), workerAsText],
  });
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target,
      supported: { 'dynamic-import': false },
    });
    write(path, code);
  }
  return Object.keys(metafile.inputs);
}

/** @type {(path: string, text: string) => void} */
function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
