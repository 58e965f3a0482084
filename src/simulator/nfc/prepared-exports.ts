import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { DiskFile } from '../storage/disk-file.js';
import type { SentBytes } from './lease.js';

/** A stream that stands in for what an export would encode. */
export interface PreparedExport extends SentBytes {
  /** The file that holds it. */
  readonly file: string;
}

/** Streams encoded beforehand, served instead of encoding a disk while it is sent. */
export class PreparedExports {
  readonly #byDisk = new WeakMap<DiskFile, PreparedExport>();

  /** Has a file served as a disk's export, until the disk is written to. It is read once now, for its checksums. */
  async prepare(disk: DiskFile, file: string): Promise<void> {
    const sha1 = createHash('sha1');
    const sha256 = createHash('sha256');
    let size = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      sha1.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
    }
    this.#byDisk.set(disk, { file, size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex') });
  }

  find(disk: DiskFile): PreparedExport | undefined {
    return this.#byDisk.get(disk);
  }

  forget(disk: DiskFile): void {
    this.#byDisk.delete(disk);
  }
}
