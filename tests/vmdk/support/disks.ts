import { createCipheriv, createHash } from 'node:crypto';
import type { VmdkSink, VmdkSource } from '../../../src/vmdk/index.js';

export const GRAIN = 65_536;

/** Bytes that do not compress, always the same for the same seed. */
export function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Text that compresses about as well as text does. */
export function prose(seed: string, length: number): Buffer {
  const words =
    noise(seed, 2048)
      .toString('hex')
      .match(/.{1,5}/g) ?? [];
  return Buffer.alloc(length, words.map((word) => `${word} ${word} volume `).join(''));
}

/** A disk in memory that can be encoded from and decoded into; holes cost nothing. */
export class MemoryDisk implements VmdkSource, VmdkSink {
  readonly pages = new Map<number, Buffer>();
  truncatedTo: number | undefined;
  writes = 0;

  constructor(public capacityBytes: number) {}

  read(buffer: Buffer, position: number): Promise<number> {
    const length = Math.min(buffer.length, this.capacityBytes - position);
    for (let done = 0; done < length;) {
      const at = position + done;
      const within = at % GRAIN;
      const count = Math.min(GRAIN - within, length - done);
      const page = this.pages.get((at - within) / GRAIN);
      if (page === undefined) buffer.fill(0, done, done + count);
      else page.copy(buffer, done, within, within + count);
      done += count;
    }
    return Promise.resolve(length);
  }

  write(buffer: Buffer, position: number): Promise<void> {
    this.writes += 1;
    for (let done = 0; done < buffer.length;) {
      const at = position + done;
      const within = at % GRAIN;
      const count = Math.min(GRAIN - within, buffer.length - done);
      const index = (at - within) / GRAIN;
      const page = this.pages.get(index) ?? Buffer.alloc(GRAIN);
      buffer.copy(page, within, done, done + count);
      this.pages.set(index, page);
      done += count;
    }
    return Promise.resolve();
  }

  truncate(capacityBytes: number): Promise<void> {
    this.truncatedTo = capacityBytes;
    return Promise.resolve();
  }

  /** Where there is anything. */
  async *dataExtents(): AsyncGenerator<{ start: number; end: number }> {
    for (const index of [...this.pages.keys()].sort((a, b) => a - b)) {
      yield { start: index * GRAIN, end: Math.min((index + 1) * GRAIN, this.capacityBytes) };
    }
  }

  /** What is on it, holes and zeros being the same. */
  digest(): string {
    const hash = createHash('sha256');
    for (const index of [...this.pages.keys()].sort((a, b) => a - b)) {
      const page = this.pages.get(index) ?? Buffer.alloc(0);
      if (!page.equals(Buffer.alloc(GRAIN))) hash.update(`${index} `).update(page);
    }
    return hash.digest('hex');
  }
}

/** A disk from its grains. */
export function diskOf(capacityBytes: number, grains: ReadonlyMap<number, Buffer>): MemoryDisk {
  const disk = new MemoryDisk(capacityBytes);
  for (const [index, bytes] of grains) void disk.write(bytes, index * GRAIN);
  return disk;
}

/** Everything an iterable gives, in one buffer. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** A stream from a buffer, in chunks of the given size. */
export async function* chunked(bytes: Buffer, size = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
