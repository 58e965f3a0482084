import { Command } from 'commander';
import { connect, type ConnectionOptions, withConnection } from '../connection.js';
import { withExamples } from '../examples.js';
import { outcomeOfRecovery } from '../exit-codes.js';
import { noService } from '../no-service.js';
import { positiveNumber } from '../parsers.js';
import { perform } from '../perform.js';
import { readConfig, withConfig } from '../volume-options.js';

interface Options extends ConnectionOptions {
  readonly olderThan?: number;
  readonly config?: string;
}

export function recoverCommand(): Command {
  const command = new Command('recover')
    .description('end what dead processes left: restores are finished or undone, temporary files deleted')
    .option(
      '--older-than <minutes>',
      'how long no sign of life makes a restore a dead one (default: 15)',
      positiveNumber,
    );
  return withExamples(withConfig(withConnection(command)), 'vmdk-driver recover', 'vmdk-driver recover --json').action(
    perform(async (run, options: Options) => {
      const { signal, output } = run;
      const config = await readConfig(options.config);
      await using vim = await connect(options, run);
      const { VmdkDriver } = await import('../../index.js');
      const driver = new VmdkDriver({ vim, backupService: noService, config, logger: output.logger });
      const report = await driver.recover({
        signal,
        onProgress: output.progress.show,
        ...(options.olderThan !== undefined && { olderThanMs: options.olderThan * 60_000 }),
      });
      const { restores, temporaryFiles } = report;
      output.result(report, [
        ...restores.map(({ outcome, volumeId, owner, startedAt, error }) => {
          const why = error instanceof Error ? `: ${error.message}` : '';
          const which =
            volumeId === undefined ? 'some restore' : `restore into ${volumeId}, by ${owner} since ${startedAt}`;
          return `${outcome.padEnd(9)}  ${which}${why}`;
        }),
        ...temporaryFiles.map((path) => `deleted    ${path}`),
        ...(restores.length + temporaryFiles.length === 0 ? ['there was nothing to do'] : []),
      ]);
      return outcomeOfRecovery(restores);
    }),
  );
}
