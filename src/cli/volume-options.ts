import type { Command } from 'commander';
import type { Backup, BackupManifest, VmdkDriverConfig, Volume } from '../index.js';
import { collected, positiveInteger } from './parsers.js';
import { readText } from './read-file.js';
import { UsageError } from './usage-error.js';

/** What a volume is, and how the driver works on it. */
export interface VolumeOptions {
  readonly volume: string;
  readonly size: number;
  readonly name?: string;
  readonly project?: string;
  readonly spec?: readonly string[];
  readonly config?: string;
}

/** Gives a command the options of a volume, and the one for the driver's configuration. */
export function withVolume(command: Command): Command {
  return withConfig(withVolumeOnly(command));
}

/** Gives a command the options of a volume. */
export function withVolumeOnly(command: Command): Command {
  return command
    .requiredOption('--volume <id>', "the volume's id")
    .requiredOption('--size <GiB>', "the volume's size in GiB", positiveInteger)
    .option('--name <name>', "the VM's name (default: volume-<id>)")
    .option('--project <id>', 'the project the volume belongs to, where a VM is created')
    .option(
      '--spec <key=value>',
      'an extra spec of the volume type, such as vmware:vmdk_type=thick; repeatable',
      collected,
    );
}

/** Gives a command the option for the driver's configuration. */
export function withConfig(command: Command): Command {
  return command.option('--config <file>', 'the driver\'s options as JSON: { "tmpDir": "/scratch", ... }');
}

/** The volume the options tell of. @throws UsageError */
export function volumeOf({ volume: id, size, name, project, spec = [] }: VolumeOptions): Volume {
  const extraSpecs = Object.fromEntries(
    spec.map((text) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key === undefined || value === undefined) throw new UsageError(`--spec ${text} is not key=value`);
      return [key, value];
    }),
  );
  return {
    id,
    size,
    ...(name !== undefined && { name }),
    ...(project !== undefined && { projectId: project }),
    ...(spec.length > 0 && { volumeType: { extraSpecs } }),
  };
}

/** Which stored backup is meant. */
export interface BackupOptions {
  readonly backup?: string;
  readonly volume?: string;
  readonly sourceVolume?: string;
  readonly manifest?: string;
}

/** Gives a command the options that say which stored backup is meant. */
export function withBackup(command: Command): Command {
  return command
    .option('--backup <id>', "the backup's id (default: the one in --manifest)")
    .option('--manifest <file>', "the backup's manifest, to hold it against (default: the one that is stored with it)");
}

/**
 * The stored backup the options tell of, and its manifest where one is given.
 *
 * @throws UsageError; UnsupportedBackupError where the manifest is none
 */
export async function storedBackupOf({ backup, volume, sourceVolume, manifest: file }: BackupOptions): Promise<{
  readonly backup: Backup;
  readonly manifest?: BackupManifest;
}> {
  const manifest = file === undefined ? undefined : await readManifest(file);
  const id = backup ?? manifest?.backupId;
  const volumeId = sourceVolume ?? manifest?.volumeId ?? volume;
  if (id === undefined) throw new UsageError('it is not said which backup: give --backup or --manifest');
  if (volumeId === undefined)
    throw new UsageError('it is not said which volume the backup is of: give --volume or --manifest');
  return { backup: { id, volumeId }, ...(manifest && { manifest }) };
}

async function readManifest(file: string): Promise<BackupManifest> {
  const { parseBackupManifest } = await import('../index.js');
  return parseBackupManifest(await readJson('--manifest', file));
}

/** The driver's configuration. @throws UsageError */
export async function readConfig(file: string | undefined): Promise<VmdkDriverConfig> {
  // Checked by the driver.
  return file === undefined ? {} : ((await readJson('--config', file)) as VmdkDriverConfig);
}

async function readJson(option: string, file: string): Promise<unknown> {
  const text = await readText(option, file);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${option}: ${file} is not JSON`);
  }
}
