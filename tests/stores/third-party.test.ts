import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

interface Metafile {
  readonly outputs: Record<
    string,
    { readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[] }
  >;
}

it('loads the signer of S3 when it is used, and nobody’s code but zod and the XML parser of the package before', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'third-party-'));
  try {
    await promisify(execFile)('node_modules/.bin/esbuild', [
      'src/stores/index.ts',
      'src/services/index.ts',
      '--bundle',
      '--splitting',
      '--packages=external',
      '--platform=node',
      '--format=esm',
      '--log-level=warning',
      `--outdir=${directory}`,
      `--metafile=${join(directory, 'meta.json')}`,
    ]);
    const { outputs } = JSON.parse(await readFile(join(directory, 'meta.json'), 'utf8')) as Metafile;
    const imports = Object.values(outputs).flatMap((output) => output.imports);
    const others = imports.filter(({ external, path }) => external === true && !path.startsWith('node:'));
    const found = new Set(others.map(({ kind, path }) => `${path}, ${kind}`));
    expect([...found].sort()).toEqual([
      '@smithy/signature-v4, dynamic-import',
      'sax, import-statement',
      'zod, import-statement',
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
