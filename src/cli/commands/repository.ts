import { Command } from 'commander';
import { copyCommand } from './repository/copy.js';
import { gcCommand } from './repository/gc.js';
import { initCommand } from './repository/init.js';
import { retentionCommand } from './repository/retention.js';
import { verifyRepositoryCommand } from './repository/verify.js';

export function repositoryCommand(): Command {
  return new Command('repository')
    .description('look after a repository: backups of many volumes, of each what no earlier one has')
    .addCommand(initCommand())
    .addCommand(gcCommand())
    .addCommand(verifyRepositoryCommand())
    .addCommand(retentionCommand())
    .addCommand(copyCommand());
}
