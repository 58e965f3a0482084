import { createWriteStream } from 'node:fs';
import { Writable } from 'node:stream';
import { assertPoweredOff, readBacking, type Backing } from '../backing/backing.js';
import { createBacking } from '../backing/create-backing.js';
import { findBacking } from '../backing/find-backing.js';
import { BackupServiceError, InvalidInputError, VmdkDriverError } from '../errors/index.js';
import type { MeasuredStream } from '../stream/stream-meter.js';
import { profilesIfKnown } from '../pbm/profiles-if-known.js';
import { assertNoTemporaryVmSeen } from '../restore/find-temporary-vms.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest, BackupMetadata } from '../model/backup-manifest.js';
import type { BackupWriter } from '../services/backup-service.js';
import type { ParsedVolume } from '../model/volume.js';
import { receiveDisk } from '../nfc/receive-disk.js';
import type { Operation } from '../operation/operation.js';
import { serviceProgress } from '../operation/service-progress.js';
import { assertTemporaryDirectory, asTemporaryFileError, createTemporaryFile } from './temporary-file.js';
import { chunkBytes } from '../stream/chunk-bytes.js';

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
  await assertNoTemporaryVmSeen(vim, volume, { signal });
  const ref = (await findBacking(operation, volume)) ?? (await createBacking(operation, volume));
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
  await using file = await createTemporaryFile(config.tmpDir, backing.committedBytes ?? 0);
  const openSink = () => createWriteStream(file.path, { flags: 'r+', highWaterMark: chunkBytes });
  const measured = await receiveDisk(operation, backing, openSink).catch((error: unknown) => {
    throw asTemporaryFileError(error, config.tmpDir);
  });

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
  const { signal, progress, backupService } = operation;
  const writer = await backupService.openBackup?.(backup, { signal });
  if (writer === undefined) throw new BackupServiceError('the backup service takes no streams');
  try {
    const measured = await receiveDisk(operation, backing, () => writableTo(writer));
    const manifest = manifestOf(measured);
    progress.enter('store', measured.streamBytes);
    const metadata = await writer.commit(manifest);
    return withMetadata(manifest, metadata);
  } catch (error) {
    await writer.abort().catch((abortError: unknown) => {
      operation.logger.warn({ err: abortError }, 'the backup service could not drop a failed backup');
      if (error instanceof VmdkDriverError) error.cleanup = 'pending';
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

function writableTo(writer: BackupWriter): Writable {
  return new Writable({
    highWaterMark: chunkBytes,
    write(chunk: Buffer, _encoding, done) {
      writer.write(chunk).then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
    },
  });
}

function describe(
  backup: Backup,
  volume: ParsedVolume,
  { disk }: Backing,
  { streamBytes, sha256 }: MeasuredStream,
  startedAt: string,
): BackupManifest {
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
    ...(disk.uuid === undefined ? {} : { diskUuid: disk.uuid }),
    startedAt,
    finishedAt: new Date().toISOString(),
  };
}

function withMetadata(manifest: BackupManifest, metadata: BackupMetadata | void): BackupManifest {
  return metadata === undefined ? manifest : { ...manifest, serviceMetadata: metadata };
}
