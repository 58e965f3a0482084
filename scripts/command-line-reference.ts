// Writes what `--help` says of each command into docs/command-line.md: npm run docs:command-line
import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { createProgram } from '../src/cli/program.js';

const page = new URL('../docs/command-line.md', import.meta.url);
const heading = '## Every command\n';

/** What each command says of itself: the program first, then in the order of its help. */
function reference(command: Command, path: string): string[] {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 }).outputHelp();
  return [
    `### ${path}\n\n\`\`\`text\n${text}\`\`\`\n`,
    ...command.commands.flatMap((sub) => reference(sub, `${path} ${sub.name()}`)),
  ];
}

const program = createProgram('');
const [written = ''] = (await readFile(page, 'utf8')).split(heading);
await writeFile(page, `${written}${heading}\n${reference(program, program.name()).join('\n')}`);
