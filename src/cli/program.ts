import { Command } from 'commander';
import { backupCommand } from './commands/backup.js';
import { completionCommand } from './commands/completion.js';
import { decodeCommand } from './commands/decode.js';
import { encodeCommand } from './commands/encode.js';
import { enqueueCommand } from './commands/enqueue.js';
import { inspectCommand } from './commands/inspect.js';
import { jobsCommand } from './commands/jobs.js';
import { listCommand } from './commands/list.js';
import { recoverCommand } from './commands/recover.js';
import { repositoryCommand } from './commands/repository.js';
import { restoreCommand } from './commands/restore.js';
import { simulateCommand } from './commands/simulate.js';
import { verifyCommand } from './commands/verify.js';
import { workerCommand } from './commands/worker.js';
import { withExamples } from './examples.js';

/** The command line, all of it. */
export function createProgram(version: string): Command {
  const program = new Command('vmdk-driver')
    .description('Back up and restore VMware volumes (VMDK) on vCenter and ESXi.')
    .version(version, '--version', 'print the version')
    .option('--json', 'print the result as one JSON document, for programs')
    .option('--debug', 'say more: each step, and where an error comes from')
    .addCommand(backupCommand())
    .addCommand(restoreCommand())
    .addCommand(verifyCommand())
    .addCommand(listCommand())
    .addCommand(recoverCommand())
    .addCommand(inspectCommand())
    .addCommand(decodeCommand())
    .addCommand(encodeCommand())
    .addCommand(repositoryCommand())
    .addCommand(simulateCommand())
    .addCommand(workerCommand())
    .addCommand(enqueueCommand())
    .addCommand(jobsCommand())
    .addCommand(completionCommand());
  withExamples(program, 'vmdk-driver simulate', 'vmdk-driver backup --help').addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 usage, 3 busy or worth another try, 4 backup corrupt, 5 connection or login, 130 cancelled`,
  );
  for (const command of allOf(program)) {
    command
      .helpOption('--help', 'print this')
      .helpCommand(false)
      .configureHelp({ showGlobalOptions: true, commandUsage: usageOf })
      .showHelpAfterError(`  \`${pathOf(command)} --help\` tells what there is`)
      .exitOverride();
  }
  return program;
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function usageOf(command: Command): string {
  return `${pathOf(command)} ${command.usage()}`;
}
