import { Command, Option } from 'commander';
import { withExamples } from '../../examples.js';
import { positiveNumber } from '../../parsers.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

interface Options {
  readonly level: 'existence' | 'sample' | 'full';
  readonly sample?: number;
  readonly passphraseFile?: string;
}

export function verifyRepositoryCommand(): Command {
  const command = new Command('verify')
    .description('verify a repository, and tell all that is broken and which backups need it')
    .argument('<url>', 'the repository')
    .addOption(
      new Option('--level <level>', 'how much is read: nothing, a part, all of it')
        .choices(['existence', 'sample', 'full'])
        .default('existence'),
    )
    .option(
      '--sample <part>',
      'the part that is read of a sample, up to 1; another part each day (default: 0.05)',
      positiveNumber,
    );
  return withExamples(
    withPassphrase(command),
    'vmdk-driver repository verify file:/srv/repository',
    'vmdk-driver repository verify file:/srv/repository --level full',
  ).action(
    perform(async ({ signal, output }, { level, sample, passphraseFile }: Options, url = '') => {
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(passphraseFile));
      const report = await repository.verify({ level, sample, signal });
      output.result(report, [
        `${report.backups} backups, ${report.packs} packs, ${report.packsRead} of them read`,
        ...report.damage.flatMap(({ key, problem, backups }) => [
          `damaged: ${key}: ${problem}`,
          ...backups.map(({ backupId, volumeId }) => `  needed by ${backupId} of volume ${volumeId}`),
        ]),
        report.damage.length === 0 ? 'the repository is whole, as far as this level goes' : 'the repository is damaged',
      ]);
      return report.damage.length === 0 ? 'done' : 'corrupt';
    }),
  );
}
