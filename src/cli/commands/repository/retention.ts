import { Command } from 'commander';
import { table } from '../../describe.js';
import { withExamples } from '../../examples.js';
import { collected, positiveInteger, positiveNumber } from '../../parsers.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

interface Options {
  readonly keepLast?: number;
  readonly keepWithinDays?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  readonly pin?: readonly string[];
  readonly volume?: string;
  readonly dryRun?: boolean;
  readonly passphraseFile?: string;
}

export function retentionCommand(): Command {
  const command = new Command('retention')
    .description('delete the backups that no rule keeps, volume by volume')
    .argument('<url>', 'the repository')
    .option('--keep-last <n>', 'keep the last n', positiveInteger)
    .option('--keep-within-days <n>', 'keep those of the n days before the newest', positiveNumber)
    .option('--daily <n>', 'keep the newest of each of the last n days that have one', positiveInteger)
    .option('--weekly <n>', '... weeks', positiveInteger)
    .option('--monthly <n>', '... months', positiveInteger)
    .option('--yearly <n>', '... years', positiveInteger)
    .option('--pin <id>', 'keep this backup whatever the rules say; repeatable', collected)
    .option('--volume <id>', 'only the backups of this volume')
    .option('--dry-run', 'tell what would be done, and do nothing');
  return withExamples(
    withPassphrase(command),
    'vmdk-driver repository retention file:/srv/repository --daily 7 --weekly 4 --monthly 12 --dry-run',
    'vmdk-driver repository retention file:/srv/repository --keep-last 3 --pin before-upgrade',
  ).action(
    perform(async ({ signal, output }, options: Options, url = '') => {
      const {
        keepLast,
        keepWithinDays,
        daily,
        weekly,
        monthly,
        yearly,
        pin: pinned,
        volume: volumeId,
        dryRun,
      } = options;
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(options.passphraseFile));
      const policy = { keepLast, keepWithinDays, daily, weekly, monthly, yearly, pinned };
      const decisions = await repository.applyRetention(policy, { volumeId, dryRun, signal });
      output.result({ decisions }, [
        ...(decisions.length === 0
          ? ['there is no backup']
          : table(
              ['', 'BACKUP', 'VOLUME', 'STORED', 'WHY'],
              decisions.map(({ keep, backupId, volumeId: ofVolume, committedAt, reasons }) => [
                keep ? 'kept' : 'deleted',
                backupId,
                ofVolume,
                committedAt.toISOString().replace(/\.\d+Z$/, 'Z'),
                reasons.join(', '),
              ]),
            )),
        ...(dryRun === true ? ['nothing was done: --dry-run'] : []),
      ]);
      return 'done';
    }),
  );
}
