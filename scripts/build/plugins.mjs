import { isBuiltin } from 'node:module';
import { basename, dirname } from 'node:path';
import { build as esbuild } from 'esbuild';

/** The oldest Node that package.json allows. */
export const target = 'node20.19';

/** What soap is never asked for: its requests go through the session's own transport, and are not signed. */
const unusedBySoap = ['axios', 'axios-ntlm', 'follow-redirects', 'formidable', 'xml-crypto'];

/**
 * Leaves all packages but these outside.
 *
 * @param {readonly string[]} included
 * @returns {import('esbuild').Plugin}
 */
export function only(included) {
  return {
    name: 'only',
    setup(build) {
      build.onResolve({ filter: /^[^./]/, namespace: 'file' }, ({ path, importer }) =>
        importer.includes('node_modules') || included.includes(path) || isBuiltin(path)
          ? undefined
          : { path, external: true },
      );
    },
  };
}

/** @type {import('esbuild').Plugin} */
export const withoutUnused = {
  name: 'without-unused',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(?:${unusedBySoap.join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'unused',
    }));
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * Has what CommonJS packages require of Node imported, which also works in what another bundler makes of this.
 *
 * @type {import('esbuild').Plugin}
 */
export const builtinsAsImports = {
  name: 'builtins-as-imports',
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ path, kind }) =>
      kind === 'require-call' && isBuiltin(path)
        ? { path: path.replace(/^node:/, ''), namespace: 'required-builtin' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'required-builtin' }, ({ path }) => ({
      contents: `module.exports = require('imported-builtin:${path}').default;`,
    }));
    build.onResolve({ filter: /^imported-builtin:/ }, ({ path }) => ({ path, namespace: 'imported-builtin' }));
    build.onLoad({ filter: /.*/, namespace: 'imported-builtin' }, ({ path }) => ({
      contents: `export { default } from 'node:${path.replace(/^imported-builtin:/, '')}';`,
    }));
  },
};

/**
 * Has the programs of worker threads in the package as text: `a-worker-source.ts` then exports that of `aWorker` in
 * `a-worker.ts`, whatever it says itself.
 *
 * @type {import('esbuild').Plugin}
 */
export const workerAsText = {
  name: 'worker-as-text',
  setup(build) {
    build.onLoad({ filter: /[\\/][a-z]+-worker-source\.ts$/ }, async ({ path }) => {
      const resolveDir = dirname(path);
      const name = basename(path, '-worker-source.ts');
      const contents = `import { ${name}Worker } from './${name}-worker.ts'; ${name}Worker(require);`;
      const { outputFiles } = await esbuild({
        stdin: { contents, resolveDir },
        bundle: true,
        format: 'cjs',
        platform: 'node',
        target,
        write: false,
      });
      const text = JSON.stringify(outputFiles[0]?.text);
      return { contents: `export const ${name}WorkerSource = ${text};`, resolveDir };
    });
  },
};
