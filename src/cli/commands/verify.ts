import { Command } from 'commander';
import { describeDisk } from '../describe.js';
import { withExamples } from '../examples.js';
import { noSession } from '../no-session.js';
import { perform } from '../perform.js';
import { openService, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../store-url.js';
import { type BackupOptions, readConfig, storedBackupOf, withBackup, withConfig } from '../volume-options.js';

interface Options extends BackupOptions {
  readonly from: string;
  readonly config?: string;
  readonly passphraseFile?: string;
}

export function verifyCommand(): Command {
  const command = withBackup(new Command('verify'))
    .description('read a stored backup to its end and check all of it; vCenter is not asked for anything')
    .option('--volume <id>', 'the volume the backup was taken of (default: that of --manifest)')
    .requiredOption('--from <url>', 'where the backup is stored');
  withPassphrase(withConfig(command)).addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver verify --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --from file:/srv/backups --backup before-upgrade',
    'vmdk-driver verify --from file:/srv/backups --manifest before-upgrade.json',
  ).action(
    perform(async ({ signal, output }, options: Options) => {
      const { backup, manifest } = await storedBackupOf(options);
      const backupService = await openService(parseStoreUrl(options.from), await storeAccess(options.passphraseFile));
      const { VmdkDriver } = await import('../../index.js');
      const config = await readConfig(options.config);
      const driver = new VmdkDriver({ vim: noSession, backupService, config, logger: output.logger });
      const report = await driver.verifyBackup(backup, { manifest, signal, onProgress: output.progress.show });
      output.result(report, [
        `backup   ${backup.id} of volume ${backup.volumeId} is whole`,
        ...describeDisk(report.disk),
        `SHA-256  ${report.sha256}${report.comparedWithManifest ? ', as the manifest says' : '; there is no manifest to compare it with'}`,
      ]);
      return 'done';
    }),
  );
}
