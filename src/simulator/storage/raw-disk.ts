import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { DataExtent, VmdkSource } from '../../vmdk/index.js';

/** The unit in which a disk's used space is counted, in bytes. */
const CHUNK = 2 ** 20;
/** The unit in which a disk's content is told from zeros, in bytes. */
const BLOCK = 2 ** 12;
const ZEROS = Buffer.alloc(BLOCK);

/**
 * A disk's bytes in a sparse file, which exists from the first write on: a disk never written to costs nothing. One that is
 * built on another keeps only what was written to it; the rest is read from there.
 */
export class RawDisk implements VmdkSource {
  readonly #file: string;
  /** Indexes of the chunks that were ever written to; all others are zeros. */
  readonly #written = new Set<number>();
  #handle: Promise<FileHandle> | undefined;
  #capacityBytes: number;
  readonly #base: RawDisk | undefined;
  /** Whether the base is a part of this disk by now, and of no other. */
  #ownsBase = false;
  #disposed = false;

  /**
   * @param file - where the bytes are kept: a path of this disk's own
   * @param base - what it is built on
   */
  constructor(file: string, capacityBytes: number, base?: RawDisk) {
    this.#file = file;
    this.#capacityBytes = capacityBytes;
    this.#base = base;
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  /** Bytes of the disk that were written to, in whole MiB. */
  get allocatedBytes(): number {
    const chunks = this.#ownsBase ? this.#chunksWithData().size : this.#written.size;
    return Math.min(chunks * CHUNK, this.#capacityBytes);
  }

  /** How much {@link allocatedBytes} would grow by a write. */
  growthBy(position: number, length: number): number {
    let chunks = 0;
    for (let chunk = Math.floor(position / CHUNK); chunk * CHUNK < position + length; chunk++) {
      if (!this.#written.has(chunk)) chunks++;
    }
    return chunks * CHUNK;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    if (this.#disposed) throw new Error('the disk was deleted');
    const length = Math.min(buffer.length, this.#capacityBytes - position);
    if (length <= 0) return 0;
    const view = buffer.subarray(0, length);
    if (this.#base === undefined) await this.#readOwn(view, position);
    else await this.#readLayers(view, position, this.#base);
    return length;
  }

  async #readLayers(view: Buffer, position: number, base: RawDisk): Promise<void> {
    for (let at = 0; at < view.length;) {
      const chunk = Math.floor((position + at) / CHUNK);
      const part = view.subarray(at, Math.min(view.length, (chunk + 1) * CHUNK - position));
      if (this.#written.has(chunk)) await this.#readOwn(part, position + at);
      else part.fill(0, await base.read(part, position + at));
      at += part.length;
    }
  }

  async #readOwn(view: Buffer, position: number): Promise<void> {
    const { length } = view;
    let filled = 0;
    if (this.#handle !== undefined) {
      const handle = await this.#handle;
      while (filled < length) {
        const { bytesRead } = await handle.read(view, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    }
    view.fill(0, filled);
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    if (this.#disposed) throw new Error('the disk was deleted');
    if (data.length === 0) return;
    if (this.#base !== undefined) await this.#copyUp(this.#base, position, data.length);
    await this.#writeOwn(data, position);
  }

  /** Takes over from the base what a write leaves of the chunks it touches. */
  async #copyUp(base: RawDisk, position: number, length: number): Promise<void> {
    const end = position + length;
    for (let chunk = Math.floor(position / CHUNK); chunk * CHUNK < end; chunk++) {
      const start = chunk * CHUNK;
      if (this.#written.has(chunk) || (position <= start && start + CHUNK <= end)) continue;
      const whole = Buffer.alloc(CHUNK);
      const taken = await base.read(whole, start);
      await this.#writeOwn(whole.subarray(0, taken), start);
    }
  }

  async #writeOwn(data: Uint8Array, position: number): Promise<void> {
    this.#handle ??= open(this.#file, 'w+', 0o600);
    const handle = await this.#handle;
    for (let written = 0; written < data.length;) {
      const { bytesWritten } = await handle.write(data, written, data.length - written, position + written);
      written += bytesWritten;
    }
    for (let chunk = Math.floor(position / CHUNK); chunk * CHUNK < position + data.length; chunk++) {
      this.#written.add(chunk);
    }
  }

  /** Gives the disk another size; what is beyond a smaller one is lost. */
  async resize(capacityBytes: number): Promise<void> {
    if (capacityBytes < this.#capacityBytes && this.#handle !== undefined) {
      const { size } = await (await this.#handle).stat();
      if (size > capacityBytes) await (await this.#handle).truncate(capacityBytes);
      for (const chunk of this.#written) if (chunk * CHUNK >= capacityBytes) this.#written.delete(chunk);
    }
    this.#capacityBytes = capacityBytes;
  }

  /** Makes all of it zeros. */
  async clear(): Promise<void> {
    if (this.#handle !== undefined) await (await this.#handle).truncate(0);
    this.#written.clear();
  }

  /** The parts that may hold anything but zeros. */
  async *dataExtents(): AsyncGenerator<DataExtent> {
    let extent: { start: number; end: number } | undefined;
    for (const chunk of [...this.#chunksWithData()].sort((a, b) => a - b)) {
      const start = chunk * CHUNK;
      if (start >= this.#capacityBytes) break;
      const end = Math.min(start + CHUNK, this.#capacityBytes);
      if (extent?.end === start) extent.end = end;
      else {
        if (extent !== undefined) yield extent;
        extent = { start, end };
      }
      await Promise.resolve();
    }
    if (extent !== undefined) yield extent;
  }

  #chunksWithData(): Set<number> {
    return this.#base === undefined ? this.#written : new Set([...this.#base.#chunksWithData(), ...this.#written]);
  }

  /** Makes the base a part of this disk: nothing else reads it any more. */
  absorbBase(): void {
    this.#ownsBase = true;
  }

  /** The disk's bytes from `start` up to, without, `end`. */
  async *chunks(start = 0, end = this.#capacityBytes): AsyncGenerator<Buffer> {
    for (let position = start; position < end;) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, end - position));
      const length = await this.read(buffer, position);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      position += length;
    }
  }

  /**
   * SHA-256 over the blocks of the disk that are not all zeros, and their places: as telling as one of all its bytes, and as
   * quick as there is little on the disk. Disks that differ only in zeros at their ends have the same.
   */
  async fingerprint(): Promise<string> {
    const hash = createHash('sha256');
    for await (const { start, end } of this.dataExtents()) {
      let position = start;
      for await (const chunk of this.chunks(start, end)) {
        for (let at = 0; at < chunk.length; at += BLOCK) {
          const block = chunk.subarray(at, at + BLOCK);
          if (!block.equals(ZEROS.subarray(0, block.length))) hash.update(`${position + at}:`).update(block);
        }
        position += chunk.length;
      }
    }
    return hash.digest('hex');
  }

  /** SHA-256 of all the disk's bytes, hexadecimal. */
  async sha256(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.chunks()) hash.update(chunk);
    return hash.digest('hex');
  }

  /** Takes over what another disk holds. */
  async copyFrom(other: RawDisk): Promise<void> {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for await (const { start, end } of other.dataExtents()) {
      for (let position = start; position < end; position += CHUNK) {
        const length = await other.read(buffer.subarray(0, Math.min(CHUNK, end - position)), position);
        await this.write(buffer.subarray(0, length), position);
      }
    }
  }

  /** Frees the file. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    if (this.#ownsBase) await this.#base?.dispose();
    if (this.#handle === undefined) return;
    await (await this.#handle).close();
    this.#handle = undefined;
    this.#written.clear();
    await rm(this.#file, { force: true });
  }
}
