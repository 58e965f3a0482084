import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { startSimulator } from '../../src/simulator/index.js';

const run = promisify(execFile);

/** The README's examples as one program, its placeholders filled in. */
async function programOf(values: Readonly<Record<string, string>>): Promise<string> {
  const readme = await readFile('README.md', 'utf8');
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '');
  const [backup = '', restore = '', verifyAndRecover = ''] = blocks;
  // The session is closed at the end of the first block; the others go on with it.
  const program = backup.replace(/^await vim\.disconnect\(\).*$/m, '') + restore + verifyAndRecover;
  return Object.entries({ ...values, "'vmdk-driver": "'../../src", "'../../src'": "'../../src/index.js'" })
    .reduce((code, [placeholder, value]) => {
      if (!code.includes(placeholder)) throw new Error(`the README no longer says ${placeholder}`);
      return code.replaceAll(placeholder, value);
    }, program)
    .replace(/'(\.\.\/\.\.\/src\/(?:services|vim))'/g, "'$1/index.js'")
    .concat('console.log(JSON.stringify({ result, report, swept }));\nawait vim.disconnect();\n');
}

test("the README's examples run as written", async () => {
  await using simulator = await startSimulator();
  const directory = await mkdtemp(join(tmpdir(), 'readme-'));
  const file = resolve(`tests/docs/readme-example-${process.pid}.ts`);
  try {
    await writeFile(
      file,
      await programOf({
        "host: 'vcenter.example'": `host: '${simulator.host}', port: ${simulator.port}`,
        "username: 'backup'": `username: '${simulator.username}'`,
        "password: '…'": `password: '${simulator.password}'`,
        "thumbprint: 'AB:CD:…'": `thumbprint: '${simulator.thumbprint}'`,
        "'/var/backups/volumes'": JSON.stringify(directory),
      }),
    );
    const { stdout } = await run(process.execPath, ['--import', './scripts/ts-node.mjs', file]);

    const { result, report, swept } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, object>;
    expect(result).toMatchObject({ created: false, cleanup: 'done' });
    expect(report).toMatchObject({ comparedWithManifest: true });
    expect(swept).toMatchObject({ restores: [] });
    expect(simulator.leftovers()).toEqual([]);
  } finally {
    await rm(file, { force: true });
    await rm(directory, { recursive: true });
  }
});
