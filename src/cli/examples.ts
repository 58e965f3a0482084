import type { Command } from 'commander';

/** Puts examples behind a command's help, which a test runs as they are. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
}
