import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { hashTree } from './file-tree.js';

const run = promisify(execFile);
const chunkBytes = 2 ** 20;
const zeros = Buffer.alloc(chunkBytes);

/** Makes a raw disk image with an ext4 that holds what is below a directory. */
export async function makeExt4(image: string, capacityBytes: number, content: string): Promise<void> {
  await writeFile(image, '');
  await truncate(image, capacityBytes);
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', content, image]);
}

/**
 * Has e2fsck look at a raw image's ext4, and debugfs read every file out of it.
 *
 * @returns what the filesystem holds
 * @throws where e2fsck finds anything to mend
 */
export async function readExt4(image: string): Promise<Record<string, string>> {
  await run('e2fsck', ['-f', '-n', image]);
  const directory = await mkdtemp(join(dirname(image), 'files-'));
  try {
    await run('debugfs', ['-R', `rdump / ${directory}`, image]);
    return await hashTree(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The parts of an image that are not zeros. */
export async function* dataOf(image: string): AsyncGenerator<{ readonly position: number; readonly data: Buffer }> {
  const file = await open(image);
  try {
    const { size } = await file.stat();
    for (let position = 0; position < size; position += chunkBytes) {
      const data = Buffer.alloc(Math.min(chunkBytes, size - position));
      await file.read(data, 0, data.length, position);
      if (!data.equals(zeros.subarray(0, data.length))) yield { position, data };
    }
  } finally {
    await file.close();
  }
}

/** Writes a disk's bytes into an image file, with holes for zeros. */
export async function writeImage(image: string, bytes: AsyncIterable<Buffer>, capacityBytes: number): Promise<void> {
  const file = await open(image, 'w');
  try {
    let position = 0;
    for await (const data of bytes) {
      if (!data.equals(Buffer.alloc(data.length))) await file.write(data, 0, data.length, position);
      position += data.length;
    }
    await file.truncate(capacityBytes);
  } finally {
    await file.close();
  }
}
