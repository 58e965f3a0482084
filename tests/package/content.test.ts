import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Consumer, createConsumer } from './support/consumer.js';

const run = promisify(execFile);

/** Half of the 2,894 files that a build without bundles came to. */
const mostFiles = 1447;

describe('the packed package', () => {
  let consumer: Consumer;
  let files: string[];
  beforeAll(async () => {
    consumer = await createConsumer();
    const entries = await readdir(consumer.installed, { recursive: true, withFileTypes: true });
    files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(consumer.installed.length + 1));
  });
  afterAll(async () => {
    await (consumer as Consumer | undefined)?.[Symbol.asyncDispose]();
  });

  test('is what a user needs, and no more', () => {
    expect(files.length).toBeLessThanOrEqual(mostFiles);
    const top = [...new Set(files.map((file) => file.split('/')[0]))].sort();
    expect(top).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist',
      'docs',
      'examples',
      'package.json',
    ]);
    expect(files.filter((file) => /\.map$|\.test\.|^src\/|tsbuildinfo/.test(file))).toEqual([]);
    expect(files.filter((file) => file.startsWith('docs/') && !/\.(?:md|svg)$/.test(file))).toEqual([]);
  });

  test('has the documents that its README links to', async () => {
    const readme = await readFile(join(consumer.installed, 'README.md'), 'utf8');
    const linked = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path);
    expect(linked.length).toBeGreaterThan(5);
    // Sources and what contributors read are in the repository, where the registry's page leads.
    const inRepository = linked.filter((path) => !path.startsWith('src/') && path !== 'CONTRIBUTING.md');
    expect(inRepository.filter((path) => !files.includes(path))).toEqual([]);
  });

  test('says where it comes from, and is published with its provenance', () => {
    const home = 'https://github.com/vmdk-driver/vmdk-driver';
    expect(consumer.manifest).toMatchObject({
      repository: { url: `git+${home}.git` },
      homepage: `${home}#readme`,
      bugs: `${home}/issues`,
      publishConfig: { provenance: true },
    });
  });

  test('runs nothing when it is installed', () => {
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(consumer.manifest.scripts).not.toHaveProperty(hook);
    }
  });

  test('has nobody install what only the simulator or the command line needs, and names the licences of what it includes', async () => {
    for (const name of ['commander', 'sax', 'selfsigned'])
      expect(consumer.manifest.dependencies).not.toHaveProperty(name);
    const licences = await readFile(join(consumer.installed, 'dist', 'THIRD-PARTY-LICENCES.txt'), 'utf8');
    for (const name of ['commander', 'node-fetch', 'sax', 'selfsigned', 'soap', 'tmp-promise']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    }
    // What is left out of node-soap is none of it.
    expect(licences).not.toMatch(/^axios /m);
  });

  test('loads the simulator, and what it needs, for nobody who does not ask for it', async () => {
    const program =
      "for (const entry of ['', '/vim', '/services', '/vmdk']) require(`vmdk-driver${entry}`);" +
      'console.log(Object.keys(require.cache).filter((path) => /simulator|selfsigned/.test(path)).join());';
    expect((await consumer.node('-e', program)).trim()).toBe('');
    const sources = await Promise.all(
      files
        .filter((file) => /^dist\/(esm|cjs)\/(index|vim\/index)\.js$/.test(file))
        .map((file) => readFile(join(consumer.installed, file), 'utf8')),
    );
    for (const source of sources) expect(source).not.toContain('selfsigned');
  });

  test('has examples that run as they are', async () => {
    const example = join(consumer.installed, 'dist', 'examples', 'demo.js');
    expect(await readFile(join(consumer.installed, 'examples', 'demo.ts'), 'utf8')).toContain("from 'vmdk-driver'");
    expect((await stat(example)).isFile()).toBe(true);
    const { stdout } = await run(process.execPath, [example], { cwd: consumer.installed });
    expect(stdout).toContain('leftovers: none');
  });
});
