import { Command } from 'commander';
import type { StoredBackup, UnreadableBackup } from '../../index.js';
import { formatBytes } from '../amounts.js';
import { table } from '../describe.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';
import { openService, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../store-url.js';

interface Options {
  readonly from: string;
  readonly volume?: string;
  readonly passphraseFile?: string;
}

export function listCommand(): Command {
  const command = new Command('list')
    .description('list the backups of a store, the oldest first')
    .requiredOption('--from <url>', 'where the backups are stored')
    .option('--volume <id>', 'only those of this volume');
  withPassphrase(command).addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver list --from file:/srv/backups',
    'vmdk-driver list --from file:/srv/backups --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --json',
  ).action(
    perform(async ({ signal, output }, { from, volume: volumeId, passphraseFile }: Options) => {
      const service = await openService(parseStoreUrl(from), await storeAccess(passphraseFile));
      const readable: StoredBackup[] = [];
      const unreadable: UnreadableBackup[] = [];
      for await (const backup of service.list({ volumeId, signal })) {
        if (backup.error === undefined) readable.push(backup);
        else unreadable.push(backup);
      }
      readable.sort((one, other) => (one.storedAt < other.storedAt ? -1 : 1));
      output.result({ backups: readable, unreadable }, [
        ...(readable.length === 0 && unreadable.length === 0
          ? ['there is none']
          : table(['BACKUP', 'VOLUME', 'STORED', 'DISK', 'STREAM'], readable.map(row))),
        ...unreadable.map(({ id, error }) => `${id} cannot be read: ${error.code}: ${error.message}`),
      ]);
      return unreadable.length === 0 ? 'done' : 'corrupt';
    }),
  );
}

function row({ id, volumeId, storedAt, manifest, streamBytes }: StoredBackup): string[] {
  return [
    id,
    volumeId,
    storedAt.replace(/\.\d+Z$/, 'Z'),
    manifest === undefined ? '' : formatBytes(manifest.capacityBytes),
    formatBytes(streamBytes),
  ];
}
