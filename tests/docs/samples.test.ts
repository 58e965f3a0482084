import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { encodeVmdk } from '../../src/vmdk/index.js';
import { sampleContext } from './support/sample-context.js';
import { readSamples, type Sample } from './support/samples.js';

const samples = await readSamples();
const title = ({ page, line }: Sample) => `${page}:${line.toString()}`;

/** A module of the package's name is the source of that entry point. */
const { exports: entries } = JSON.parse(await readFile('package.json', 'utf8')) as { exports: Record<string, unknown> };
const sources = Object.keys(entries)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => [entry.replace(/^\./, 'vmdk-driver'), resolve('src', entry, 'index.ts')] as const);

describe('each sample compiles in a project that is as strict as it can be', () => {
  const nameOf = (index: number) => resolve(`tests/docs/sample-${index.toString()}.ts`);
  // A module each, so that names do not meet; it may be one already.
  const texts = new Map([
    ...samples.map(({ code }, index) => [nameOf(index), `${code}\nexport {};\n`] as const),
    [resolve('tests/docs/sample-context.d.ts'), sampleContext] as const,
  ]);
  let program: ts.Program;

  beforeAll(() => {
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      noEmit: true,
      skipLibCheck: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noFallthroughCasesInSwitch: true,
      noImplicitOverride: true,
      noImplicitReturns: true,
      noPropertyAccessFromIndexSignature: true,
      noUncheckedIndexedAccess: true,
      useUnknownInCatchVariables: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
      paths: Object.fromEntries(sources.map(([name, path]) => [name, [path]])),
    };
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile: readText, getSourceFile } = host;
    host.fileExists = (path) => texts.has(path) || fileExists(path);
    host.readFile = (path) => texts.get(path) ?? readText(path);
    host.getSourceFile = (path, language, ...rest) => {
      const text = texts.get(path);
      return text === undefined
        ? getSourceFile.call(host, path, language, ...rest)
        : ts.createSourceFile(path, text, language);
    };
    program = ts.createProgram([...texts.keys()], options, host);
  });

  test.each(samples.map((sample, index) => [title(sample), index] as const))('%s', (_title, index) => {
    const source = program.getSourceFile(nameOf(index))!;
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    expect(
      problems.map(({ start = 0, messageText }) => {
        const line = source.getLineAndCharacterOfPosition(start).line + 1;
        return `line ${line.toString()}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      }),
    ).toEqual([]);
  });
});

describe('a sample that is a program runs', () => {
  const run = promisify(execFile);
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'samples-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** Runs a sample in a directory of its own, and gives what it prints. */
  async function output({ page, line, code }: Sample): Promise<string> {
    const file = resolve(`tests/docs/sample-${process.pid.toString()}-${line.toString()}.ts`);
    const program = sources.reduce(
      (text, [name, path]) => text.replaceAll(`'${name}'`, `'${pathToFileURL(path).href}'`),
      code,
    );
    try {
      await writeFile(file, program);
      const loader = pathToFileURL(resolve('scripts/ts-node.mjs')).href;
      const { stdout } = await run(process.execPath, ['--import', loader, file], { cwd: directory });
      return stdout;
    } catch (error) {
      throw new Error(`${page}:${line.toString()} failed`, { cause: error });
    } finally {
      await rm(file, { force: true });
    }
  }

  const find = (page: string, text: string): Sample => {
    const found = samples.find((sample) => sample.page === page && sample.code.includes(text));
    if (found === undefined) throw new Error(`${page} has no sample with ${text} any more`);
    return found;
  };

  const changes = samples.filter(({ page, changedLines }) => page === 'README.md' && changedLines > 0);
  test("the README's backup goes into S3, Swift and Ceph", () => {
    expect(changes.map(({ changedLines }) => changedLines)).toEqual([3, 3, 2]);
  });

  test.each(changes.map((sample) => [title(sample), sample] as const))('%s: its driver is made', async (_, sample) => {
    const [upToDriver] = /^.*?new VmdkDriver.*?$/ms.exec(sample.code) ?? [''];
    const code = upToDriver
      .replace('await vim.connect();\n', '')
      .replace('AB:CD:…', 'AB'.repeat(20))
      .replaceAll("'…'", "'secret'");
    expect(await output({ ...sample, code: `${code}\nconsole.log(driver.constructor.name);` })).toBe('VmdkDriver\n');
  });

  test('docs/simulator.md: a backup on the simulator', async () => {
    expect(await output(find('docs/simulator.md', 'simulator.leftovers()'))).toBe('[]\n');
  });

  test('docs/vmdk.md: inspect, verify, decode, encode', async () => {
    const raw = join(directory, 'source.raw');
    await writeFile(raw, Buffer.alloc(1024 * 1024, 'content'));
    await encodeVmdk(raw, join(directory, 'disk.vmdk'));
    await output(find('docs/vmdk.md', 'inspectVmdk'));
    expect((await readFile(join(directory, 'disk.raw'))).equals(await readFile(raw))).toBe(true);
  });

  test('docs/writing-a-store.md: a store that keeps the contract', async () => {
    const sample = find('docs/writing-a-store.md', 'class MapStore');
    const checks = `
      import { objectStoreChecks } from 'vmdk-driver/testing';
      for (const { run } of objectStoreChecks(() => new MapStore())) await run();
      console.log('all of it');`;
    expect(await output({ ...sample, code: sample.code + checks })).toBe('all of it\n');
  });
});
