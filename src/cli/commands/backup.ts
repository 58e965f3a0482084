import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { BackupManifest } from '../../index.js';
import type { Increment } from '../../repository/index.js';
import { formatBytes } from '../amounts.js';
import { connect, type ConnectionOptions, withConnection } from '../connection.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';
import { openService, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../store-url.js';
import { readConfig, volumeOf, type VolumeOptions, withVolume } from '../volume-options.js';

interface Options extends ConnectionOptions, VolumeOptions {
  readonly to: string;
  readonly backup?: string;
  readonly manifest?: string;
  readonly passphraseFile?: string;
}

export function backupCommand(): Command {
  const command = withVolume(new Command('backup'))
    .description('back up a volume')
    .requiredOption('--to <url>', 'where the backup is stored')
    .option('--backup <id>', "the backup's id (default: a new one, of the time)")
    .option('--manifest <file>', 'where to write what the backup is, as JSON');
  withPassphrase(withConnection(command)).addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver backup --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --size 1 --to file:/srv/backups',
    'vmdk-driver backup --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --size 1 --to file:/srv/backups --backup before-upgrade --manifest before-upgrade.json',
  ).action(
    perform(async (run, options: Options) => {
      const { signal, output } = run;
      const volume = volumeOf(options);
      const backup = { id: options.backup ?? newBackupId(), volumeId: volume.id, size: volume.size };
      const backupService = await openService(parseStoreUrl(options.to), await storeAccess(options.passphraseFile));
      const config = await readConfig(options.config);
      await using vim = await connect(options, run);
      const { VmdkDriver } = await import('../../index.js');
      const driver = new VmdkDriver({ vim, backupService, config, logger: output.logger });
      const manifest = await driver.backupVolume(backup, volume, { signal, onProgress: output.progress.show });
      await writeManifest(options.manifest, manifest);
      output.result(manifest, [
        `backup   ${backup.id} of volume ${volume.id} is stored`,
        `disk     ${formatBytes(manifest.capacityBytes)}, ${manifest.provisioning}`,
        `stream   ${formatBytes(manifest.streamBytes)}, SHA-256 ${manifest.sha256}`,
        ...describeIncrement(manifest),
      ]);
      return 'done';
    }),
  );
}

/** What a repository says of a backup. */
function describeIncrement({ serviceMetadata }: BackupManifest): string[] {
  const increment = serviceMetadata?.['increment'] as Increment | undefined;
  if (increment === undefined) return [];
  const { bytesStored, grainsNew, grainsSame } = increment;
  return [`stored   ${formatBytes(bytesStored)}: ${grainsNew} grains are new, ${grainsSame} were there`];
}

async function writeManifest(file: string | undefined, manifest: BackupManifest): Promise<void> {
  if (file === undefined) return;
  try {
    await writeFile(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`backup ${manifest.backupId} is stored, but its manifest could not be written: ${reason}`, {
      cause: error,
    });
  }
}

/** Sorts by time, and no other has it. */
function newBackupId(): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}
