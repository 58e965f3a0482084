import { Command } from 'commander';
import { formatBytes } from '../../amounts.js';
import { withExamples } from '../../examples.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

interface Options {
  readonly dryRun?: boolean;
  readonly passphraseFile?: string;
}

export function gcCommand(): Command {
  const command = new Command('gc')
    .description('collect garbage: what no backup needs is marked, and deleted by a run that comes a day later')
    .argument('<url>', 'the repository')
    .option('--dry-run', 'tell what would be done, and do nothing');
  return withExamples(
    withPassphrase(command),
    'vmdk-driver repository gc file:/srv/repository --dry-run',
    'vmdk-driver repository gc file:/srv/repository',
  ).action(
    perform(async ({ signal, output }, { dryRun, passphraseFile }: Options, url = '') => {
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(passphraseFile));
      const report = await repository.collectGarbage({ dryRun, signal });
      const { deleted, deletedBytes, marked, markedBytes, retained, failed } = report;
      output.result(report, [
        `deleted   ${deleted} objects, ${formatBytes(deletedBytes)}`,
        `marked    ${marked} objects, ${formatBytes(markedBytes)}`,
        ...(retained === 0 ? [] : [`locked    ${retained} objects`]),
        ...(failed === 0 ? [] : [`failed    ${failed} objects; a later run tries again`]),
        ...(dryRun === true ? ['nothing was done: --dry-run'] : []),
      ]);
      return failed === 0 ? 'done' : 'busy';
    }),
  );
}
