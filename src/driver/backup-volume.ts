import { assertPoweredOff, type Backing, readBacking } from '../backing/backing.js';
import { createBacking } from '../backing/create-backing.js';
import { InvalidInputError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest, BackupMetadata } from '../model/backup-manifest.js';
import { diskModes } from '../model/disk-kinds.js';
import type { ParsedVolume } from '../model/volume.js';
import { receiveDisk } from '../nfc/receive-disk.js';
import type { Operation } from '../operation/operation.js';
import { serviceProgress } from '../operation/service-progress.js';
import { profilesIfKnown } from '../pbm/profiles-if-known.js';
import { findIdleBacking } from '../restore/find-idle-backing.js';
import { noteHashedFile } from '../stream/hashed-bytes.js';
import type { MeasuredStream } from '../stream/stream-meter.js';
import { openFileSink } from './file-sink.js';
import { ServiceSink } from './service-sink.js';
import { assertTemporaryDirectory, createTemporaryFile } from './temporary-file.js';

/**
 * The blueprint's `backup_volume`: create the backing VM if it is not found; download the stream-optimized version of its
 * disk; hand it to the backup service; delete the temporary file.
 */
export async function backupVolume(
  operation: Operation,
  backup: Backup,
  volume: ParsedVolume,
): Promise<BackupManifest> {
  const { vim, config, signal, progress } = operation;

  progress.enter('prepare');
  const throughStream = streamsTo(operation);
  if (!throughStream) await assertTemporaryDirectory(config.tmpDir);
  const ref = (await findIdleBacking(operation, volume)) ?? (await createBacking(operation, volume));
  const backing = await readBacking(vim, ref, { signal });
  assertPoweredOff(backing);
  const { disk: storageProfile } = await profilesIfKnown(operation, backing);

  const startedAt = new Date().toISOString();
  const manifestOf = (measured: MeasuredStream): BackupManifest => ({
    ...describe(backup, volume, backing, measured, startedAt),
    ...(storageProfile === undefined ? {} : { storageProfile }),
  });
  return throughStream
    ? backupThroughStream(operation, backup, backing, manifestOf)
    : backupThroughFile(operation, backup, backing, manifestOf);
}

async function backupThroughFile(
  operation: Operation,
  backup: Backup,
  backing: Backing,
  manifestOf: (measured: MeasuredStream) => BackupManifest,
): Promise<BackupManifest> {
  const { config, signal, progress, backupService } = operation;
  // A stream is at most what the disk's files take: it leaves empty grains out, and stores what does not compress.
  await using file = await createTemporaryFile(config.tmpDir, backing.committedBytes ?? 0, operation);
  const measured = await receiveDisk(operation, backing, () => openFileSink(file.path));
  // A service of this package then takes the file over as it is.
  using _hashed = await noteHashedFile(file.path, measured);

  const manifest = manifestOf(measured);
  progress.enter('store', measured.streamBytes);
  const onProgress = serviceProgress(progress);
  const metadata = await backupService.backup(backup, file, { signal, manifest, onProgress });
  return withMetadata(manifest, metadata);
}

async function backupThroughStream(
  operation: Operation,
  backup: Backup,
  backing: Backing,
  manifestOf: (measured: MeasuredStream) => BackupManifest,
): Promise<BackupManifest> {
  const { progress, logger, leftovers } = operation;
  const sink = new ServiceSink(operation, backup);
  try {
    const measured = await receiveDisk(operation, backing, () => sink.open());
    const manifest = manifestOf(measured);
    progress.enter('store', measured.streamBytes);
    return withMetadata(manifest, await sink.commit(manifest));
  } catch (error) {
    await sink.abort().catch((abortError: unknown) => {
      logger.warn({ err: abortError }, 'the backup service could not drop a failed backup');
      leftovers.note();
    });
    throw error;
  }
}

/** Whether bytes flow straight into the service. */
function streamsTo({ config, backupService }: Operation): boolean {
  const takesStreams = backupService.openBackup !== undefined;
  if (config.transfer === 'stream' && !takesStreams) {
    throw new InvalidInputError('config.transfer', 'the backup service takes no streams');
  }
  return config.transfer !== 'file' && takesStreams;
}

function describe(
  backup: Backup,
  volume: ParsedVolume,
  { disk }: Backing,
  { streamBytes, sha256 }: MeasuredStream,
  startedAt: string,
): BackupManifest {
  const diskMode = diskModes.find((mode) => mode === disk.diskMode);
  return {
    formatVersion: 1,
    backupId: backup.id,
    volumeId: volume.id,
    diskFormat: 'streamOptimized',
    streamBytes,
    sha256,
    capacityBytes: disk.capacityBytes,
    provisioning: disk.provisioning,
    adapterType: disk.adapterType,
    ...(diskMode === undefined ? {} : { diskMode }),
    ...(disk.uuid === undefined ? {} : { diskUuid: disk.uuid }),
    startedAt,
    finishedAt: new Date().toISOString(),
  };
}

function withMetadata(manifest: BackupManifest, metadata: BackupMetadata | void): BackupManifest {
  return metadata === undefined ? manifest : { ...manifest, serviceMetadata: metadata };
}
