import { Argument, Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion-script.js';
import { withExamples } from '../examples.js';

export function completionCommand(): Command {
  const command = new Command('completion')
    .description('print a script that has a shell complete the words of this command line')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells));
  return withExamples(
    command,
    'vmdk-driver completion bash > /etc/bash_completion.d/vmdk-driver',
    'vmdk-driver completion zsh > /usr/share/zsh/site-functions/_vmdk-driver',
  ).action((shell: Shell) => {
    process.stdout.write(completionScript(shell, rootOf(command)));
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
