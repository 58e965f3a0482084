import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { needing } from '../support/needing.js';
import { installRunners, nodeMajors } from './support/runners.js';

const project = await installRunners();
afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
});
const { test } = needing(project !== undefined, 'the npm registry cannot be reached');

describe.each(nodeMajors)('on Node %i, a package that npm installed backs up and restores', (major) => {
  const node = (...args: string[]) => project!.node(major, args);

  test('in a jest of the CommonJS kind, without flags', async () => {
    await node('node_modules/jest/bin/jest.js');
  });

  test('in ts-jest', async () => {
    await node('node_modules/jest/bin/jest.js', '--config', 'ts-jest.config.cjs');
  });

  test('in vitest', async () => {
    await node('node_modules/vitest/vitest.mjs', 'run', 'vitest.test.mjs');
  });

  test("in Node's own test runner", async () => {
    await node('--test', 'node.test.mjs');
  });
});

describe('what esbuild makes of a program that uses the package runs with nothing installed', () => {
  const formats = { esm: 'mjs', cjs: 'cjs' } as const;
  let bare: string;

  beforeAll(async () => {
    if (project === undefined) return;
    bare = await mkdtemp(join(tmpdir(), 'vmdk-driver-bundles-'));
    await mkdir(join(bare, 'minified'));
    for (const [format, extension] of Object.entries(formats)) {
      const bundle = (outfile: string, ...options: string[]) =>
        project.node(nodeMajors[0], [
          ...['node_modules/esbuild/bin/esbuild', 'work.mjs', '--bundle', '--platform=node', `--format=${format}`],
          ...[`--outfile=${join(bare, outfile)}`, '--log-level=warning', ...options],
        ]);
      await bundle(`work.${extension}`);
      await bundle(`minified/work.${extension}`, '--minify', '--keep-names');
    }
  });
  afterAll(async () => {
    if (project !== undefined) await rm(bare, { recursive: true });
  });

  const cases = nodeMajors.flatMap((major) => Object.values(formats).map((extension) => ({ major, extension })));
  for (const { major, extension } of cases) {
    test(`.${extension}, on Node ${major}`, async () => {
      const files =
        major === nodeMajors[0] ? [`work.${extension}`, `minified/work.${extension}`] : [`work.${extension}`];
      for (const file of files) {
        const output = await project!.node(major, [file], bare);
        expect(JSON.parse(output)).toEqual({ restored: true, decoded: true, leftovers: [] });
      }
    });
  }
});
