import { Command } from 'commander';
import { withExamples } from '../../examples.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

interface Options {
  readonly passphraseFile?: string;
}

export function initCommand(): Command {
  const command = new Command('init')
    .description('create a repository, unless there is one; with a passphrase it is encrypted')
    .argument('<url>', 'where');
  return withExamples(
    withPassphrase(command),
    'vmdk-driver repository init file:/srv/repository',
    'vmdk-driver repository init file:/srv/encrypted --passphrase-file /etc/vmdk-driver/passphrase',
  ).action(
    perform(async ({ signal, output }, { passphraseFile }: Options, url = '') => {
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(passphraseFile));
      const result = await repository.initialize({ signal });
      output.result(result, [result.created ? `the repository ${url} is created` : `${url} is a repository already`]);
      return 'done';
    }),
  );
}
