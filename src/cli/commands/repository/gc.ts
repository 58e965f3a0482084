import { Command } from 'commander';
import { formatBytes } from '../../amounts.js';
import { withExamples } from '../../examples.js';
import { positiveNumber } from '../../parsers.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

const bytesPerGiB = 1024 ** 3;

interface Options {
  readonly dryRun?: boolean;
  readonly repack?: number;
  readonly passphraseFile?: string;
}

export function gcCommand(): Command {
  const command = new Command('gc')
    .description('collect garbage: what no backup needs is marked, and deleted by a run that comes a day later')
    .argument('<url>', 'the repository')
    .option(
      '--repack <GiB>',
      'rewrite packs of which less than half is needed, and read so much of them at most; the maps of all backups are read (default: none is)',
      positiveNumber,
    )
    .option('--dry-run', 'tell what would be done, and do nothing');
  return withExamples(
    withPassphrase(command),
    'vmdk-driver repository gc file:/srv/repository --dry-run',
    'vmdk-driver repository gc file:/srv/repository',
    'vmdk-driver repository gc file:/srv/repository --repack 100',
  ).action(
    perform(async ({ signal, output }, { dryRun, repack, passphraseFile }: Options, url = '') => {
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(passphraseFile));
      const maxRepackBytes = repack && repack * bytesPerGiB;
      const report = await repository.collectGarbage({ maxRepackBytes, dryRun, signal });
      const { deleted, deletedBytes, marked, markedBytes, repacked, repackedBytes, retained, failed } = report;
      output.result(report, [
        `deleted   ${deleted} objects, ${formatBytes(deletedBytes)}`,
        `marked    ${marked} objects, ${formatBytes(markedBytes)}`,
        ...(repacked === 0 ? [] : [`rewritten ${repacked} packs, ${formatBytes(repackedBytes)} shorter`]),
        ...(retained === 0 ? [] : [`locked    ${retained} objects`]),
        ...(failed === 0 ? [] : [`failed    ${failed} objects; a later run tries again`]),
        ...(dryRun === true ? ['nothing was done: --dry-run'] : []),
      ]);
      return failed === 0 ? 'done' : 'busy';
    }),
  );
}
