import { Command } from 'commander';
import { formatBytes } from '../amounts.js';
import { connect, type ConnectionOptions, withConnection } from '../connection.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';
import { openService, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../store-url.js';
import {
  type BackupOptions,
  readConfig,
  storedBackupOf,
  volumeOf,
  type VolumeOptions,
  withBackup,
  withVolume,
} from '../volume-options.js';

interface Options extends ConnectionOptions, VolumeOptions, Omit<BackupOptions, 'volume'> {
  readonly from: string;
  readonly passphraseFile?: string;
}

export function restoreCommand(): Command {
  const command = withBackup(withVolume(new Command('restore')))
    .description('restore a backup into a volume: its disk is replaced, or it is created where it has none')
    .requiredOption('--from <url>', 'where the backup is stored')
    .option('--source-volume <id>', 'the volume the backup was taken of (default: that of --manifest, or --volume)');
  withPassphrase(withConnection(command)).addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver restore --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --size 1 --from file:/srv/backups --backup before-upgrade',
    'vmdk-driver restore --volume 7c1d5b9e-1f0c-4a5b-9e21-2b8e3a1c6f0d --size 2 --from file:/srv/backups --manifest before-upgrade.json',
  ).action(
    perform(async (run, options: Options) => {
      const { signal, output } = run;
      const volume = volumeOf(options);
      const { backup, manifest } = await storedBackupOf(options);
      const backupService = await openService(parseStoreUrl(options.from), await storeAccess(options.passphraseFile));
      const config = await readConfig(options.config);
      await using vim = await connect(options, run);
      const { VmdkDriver } = await import('../../index.js');
      const driver = new VmdkDriver({ vim, backupService, config, logger: output.logger });
      const result = await driver.restoreBackup(backup, volume, { manifest, signal, onProgress: output.progress.show });
      output.result(result, [
        `restored ${backup.id} into volume ${volume.id}${result.created ? ', which is new' : ''}`,
        `disk     ${formatBytes(result.capacityBytes)}, ${result.provisioning}${result.extended ? ', extended' : ''}`,
        `VM       ${result.backing.value}`,
        ...(result.kept ?? []).map((path) => `kept     ${path}: another VM refers to it, or may`),
        ...(result.cleanup === 'pending' ? ['something is left in vCenter: `vmdk-driver recover` removes it'] : []),
      ]);
      return 'done';
    }),
  );
}
