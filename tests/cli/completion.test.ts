import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { completionScript } from '../../src/cli/completion-script.js';
import { createProgram } from '../../src/cli/program.js';

const run = promisify(execFile);
const script = (shell: 'bash' | 'zsh'): string => completionScript(shell, createProgram(''));

/** What bash offers after a line, its last word being completed. */
async function offers(line: string): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'completion-'));
  try {
    const file = join(directory, 'completion.bash');
    await writeFile(file, script('bash'));
    const words = line.split(' ');
    const program = `
      source '${file}'
      complete -p vmdk-driver > /dev/null || exit 1
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${(words.length - 1).toString()}
      _vmdk_driver
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['--norc', '-c', program]);
    return stdout.split('\n').filter(Boolean);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test.each([
  ['vmdk-driver re', ['restore', 'recover', 'repository']],
  ['vmdk-driver backup --s', ['--size', '--spec']],
  ['vmdk-driver --json backup --vol', ['--volume']],
  [
    'vmdk-driver repository ',
    ['init', 'gc', 'verify', 'retention', 'copy', '--json', '--debug', '--version', '--help'],
  ],
  ['vmdk-driver repository gc --d', ['--dry-run', '--debug']],
  ['vmdk-driver repository verify url --level ', ['existence', 'sample', 'full']],
  ['vmdk-driver completion ', ['bash', 'zsh', '--json', '--debug', '--version', '--help']],
  // Files: bash's own.
  ['vmdk-driver verify --manifest ', []],
  ['vmdk-driver inspect di', []],
])('bash completes "%s"', async (line, expected) => {
  expect((await offers(line)).sort()).toEqual([...expected].sort());
});

test('the script for zsh has the same words', () => {
  for (const word of ['#compdef vmdk-driver', '/repository/gc', '--keep-last', 'existence sample full']) {
    expect(script('zsh')).toContain(word);
  }
});
