import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { BackupCorruptError, UnsupportedBackupError } from '../errors/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { assertIsBackup } from './assert-is-backup.js';
import { ChunkReadable } from './chunk-readable.js';
import type { ChunkSource, LookAtBytes } from './chunk-source.js';
import { CountedChunks } from './counted-chunks.js';
import { drain } from './drain.js';
import { FileChunks } from './file-chunks.js';
import { type MeasuredStream, StreamMeter } from './stream-meter.js';

/** Where the bytes of a restore come from, once they are known to be worth importing. */
export interface RestoreSource {
  /** Capacity of the disk the stream is of, in bytes. */
  readonly capacityBytes: number;
  /** What the import will take in its datastore at the least, in bytes. */
  readonly allocatedBytes: number;
  /**
   * Reads the stream to its end where that was not done before, for a restore that must change something in vCenter before
   * it can import.
   *
   * @throws where it is not the backup, or not whole
   */
  validate(onBytes: (bytesDone: number) => void, signal: AbortSignal): Promise<void>;
  /** Opens the stream as vSphere is to get it. Each call opens it anew. */
  open(onBytes: (bytesDone: number) => void): Promise<OpenedSource>;
}

/** One pass over a source. */
export interface OpenedSource {
  /** It ends with an error, before its last bytes, where it is not the backup. */
  readonly stream: Readable;
  /** Exact length of `stream`, in bytes. */
  readonly length: number;
  /** To be called after the last byte: what the stream was. */
  readonly verify: () => MeasuredStream;
}

/** A source whose file was read and validated to its end before. */
export function fileSource(path: string, measured: MeasuredStream): RestoreSource {
  const { info, streamBytes } = measured;
  // What qemu-img writes has no end-of-stream marker (a sector of zeros), without which vSphere takes it for cut off.
  const trailer = info.needsEndOfStream ? Buffer.alloc(512) : undefined;
  return {
    capacityBytes: info.capacityBytes,
    allocatedBytes: info.allocatedBytes,
    validate: () => Promise.resolve(),
    async open(onBytes) {
      const file = new FileChunks(await open(path), streamBytes);
      let bytesRead = 0;
      const count = (bytesDone: number) => {
        bytesRead = bytesDone;
        onBytes(bytesDone);
      };
      const atEnd = () => {
        if (bytesRead === streamBytes) return;
        throw new BackupCorruptError(`the restored file had ${streamBytes} bytes, and has ${bytesRead} by now`);
      };
      const stream = new ChunkReadable(new CountedChunks(file, count, trailer), { atEnd });
      return { stream, length: streamBytes + (trailer?.length ?? 0), verify: () => measured };
    },
  };
}

/**
 * A source that comes straight from the backup service and is measured as it passes: the volume is not touched before it
 * was found to be the backup.
 *
 * @param openStream opens the service's stream; all bytes are to be looked at as they come
 */
export function streamSource(
  manifest: BackupManifest,
  openStream: (look: LookAtBytes) => Promise<ChunkSource>,
): RestoreSource {
  const measure = (onBytes: (bytesDone: number) => void): Promise<StreamMeter> =>
    StreamMeter.open(openStream, {
      onBytes({ streamBytes }) {
        // Told here, before whoever sends it on finds it longer than was announced.
        if (streamBytes > manifest.streamBytes) {
          throw new BackupCorruptError(`the stream goes on behind the ${manifest.streamBytes} bytes its manifest says`);
        }
        onBytes(streamBytes);
      },
      streamBytes: manifest.streamBytes,
    });
  const check = ({ measured }: StreamMeter): MeasuredStream => {
    assertIsBackup(measured, manifest);
    if (measured.info.needsEndOfStream) {
      throw new UnsupportedBackupError("a stream without end-of-stream marker needs config.transfer 'file'");
    }
    return measured;
  };
  return {
    capacityBytes: manifest.capacityBytes,
    // The stream says how much it allocates only at its end; it is about this much, compressed.
    allocatedBytes: manifest.streamBytes,
    async validate(onBytes, signal) {
      const meter = await measure(onBytes);
      await drain(meter, signal);
      check(meter);
    },
    async open(onBytes) {
      const meter = await measure(onBytes);
      const stream = new ChunkReadable(meter, { atEnd: () => check(meter) });
      return { stream, length: manifest.streamBytes, verify: () => check(meter) };
    },
  };
}
