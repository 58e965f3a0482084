import { createReadStream } from 'node:fs';
import { pipeline, Transform, type Readable } from 'node:stream';
import { BackupCorruptError, BackupServiceError, UnsupportedBackupError, VmdkDriverError } from '../errors/index.js';
import { drain } from './drain.js';
import { assertIsBackup } from './assert-is-backup.js';
import { StreamMeter, type MeasuredStream } from './stream-meter.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { chunkBytes } from './chunk-bytes.js';

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
  readonly stream: Readable;
  /** Exact length of `stream`, in bytes. */
  readonly length: number;
  /** To be called after the last byte: resolves to what the stream was, or throws where it was not the backup. */
  readonly verify: () => MeasuredStream;
}

/** An end-of-stream marker: a sector of zeros. */
const endOfStream = Buffer.alloc(512);

/** A source whose file was read and validated to its end before. */
export function fileSource(path: string, measured: MeasuredStream): RestoreSource {
  const { info, streamBytes } = measured;
  // What qemu-img writes has no end-of-stream marker, without which vSphere takes a stream for cut off.
  const trailer = info.needsEndOfStream ? endOfStream : Buffer.alloc(0);
  return {
    capacityBytes: info.capacityBytes,
    allocatedBytes: info.allocatedBytes,
    validate: () => Promise.resolve(),
    open(onBytes) {
      const file = createReadStream(path, { highWaterMark: chunkBytes, end: streamBytes - 1 });
      const counter = new ByteCounter(onBytes, trailer);
      // The import fails with the counter's error, which is the file's.
      pipeline(file, counter, () => undefined);
      return Promise.resolve({ stream: counter, length: streamBytes + trailer.length, verify: () => measured });
    },
  };
}

/**
 * A source that comes straight from the backup service and is measured as it passes: the volume is not touched before
 * `verify` accepted it.
 *
 * @param openStream opens the service's stream
 */
export function streamSource(manifest: BackupManifest, openStream: () => Promise<Readable>): RestoreSource {
  return {
    capacityBytes: manifest.capacityBytes,
    // The stream says how much it allocates only at its end; it is about this much, compressed.
    allocatedBytes: manifest.streamBytes,
    async validate(onBytes, signal) {
      const { stream, verify } = await this.open(onBytes);
      await drain(stream, signal);
      verify();
    },
    async open(onBytes) {
      const stream = await openStream();
      const { streamBytes } = manifest;
      const passed = (): void => {
        // Told here, before whoever sends it on finds it longer than was announced.
        if (meter.streamBytes > streamBytes) {
          throw new BackupCorruptError(`the stream goes on behind the ${streamBytes} bytes its manifest says`);
        }
        onBytes(meter.streamBytes);
      };
      const meter = new StreamMeter(passed, { streamBytes });
      // Before the pipeline hears of it, and passes it on as it is.
      stream.once('error', (error) => meter.destroy(asServiceError(error)));
      pipeline(stream, meter, () => undefined);
      return {
        stream: meter,
        length: manifest.streamBytes,
        verify() {
          const { measured } = meter;
          assertIsBackup(measured, manifest);
          if (measured.info.needsEndOfStream) {
            throw new UnsupportedBackupError("a stream without end-of-stream marker needs config.transfer 'file'");
          }
          return measured;
        },
      };
    },
  };
}

function asServiceError(error: Error): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  return new BackupServiceError("the backup service's stream broke off", { cause: error });
}

/** Counts bytes that pass, and adds a trailer. */
class ByteCounter extends Transform {
  readonly #onBytes: (bytesDone: number) => void;
  readonly #trailer: Buffer;
  #bytes = 0;

  constructor(onBytes: (bytesDone: number) => void, trailer: Buffer) {
    super({ readableHighWaterMark: chunkBytes, writableHighWaterMark: chunkBytes });
    this.#onBytes = onBytes;
    this.#trailer = trailer;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, data: Buffer) => void): void {
    this.#bytes += chunk.length;
    this.#onBytes(this.#bytes);
    done(null, chunk);
  }

  override _flush(done: (error: null, data: Buffer) => void): void {
    done(null, this.#trailer);
  }
}
