import { open } from 'node:fs/promises';
import type { EncodeOptions } from './codec-options.js';
import { encodeVmdkStream } from './encode-stream.js';
import { replaceFile } from './replacement-file.js';
import type { DataExtent, VmdkSource } from './vmdk-source.js';

/** Options of {@link encodeVmdk}. */
export interface EncodeFileOptions extends EncodeOptions {
  /**
   * The parts of the image that may hold anything but zeros, where the caller knows them. Node cannot ask a file for its
   * holes and reads them as zeros, at memory speed: for a disk of some TiB that takes minutes.
   */
  readonly dataExtents?: (() => AsyncIterable<DataExtent>) | undefined;
}

/**
 * Encodes a raw disk image as a stream-optimized VMDK, in the layout ESXi itself writes. Zeros are left out, and what
 * does not compress is stored as it is.
 *
 * The stream appears under its name when it is whole; until then, and if it fails, whatever was there stays, and nothing
 * is left beside it.
 *
 * @param rawPath - the image; its size, rounded up to 512 bytes, is the disk's
 * @param vmdkPath - the stream to write, mode 0600
 * @throws InvalidInputError if the image is empty, or an option is wrong
 * @throws InvalidVmdkError `too-large` when the stream would outgrow 2 TiB
 * @throws AbortError
 */
export async function encodeVmdk(rawPath: string, vmdkPath: string, options: EncodeFileOptions = {}): Promise<void> {
  const { dataExtents, ...encodeOptions } = options;
  const raw = await open(rawPath, 'r');
  try {
    const source: VmdkSource = {
      capacityBytes: (await raw.stat()).size,
      read: async (buffer, position) => (await raw.read(buffer, 0, buffer.length, position)).bytesRead,
      ...(dataExtents === undefined ? {} : { dataExtents }),
    };
    await replaceFile(vmdkPath, async (vmdk) => {
      let position = 0;
      for await (const chunk of encodeVmdkStream(source, encodeOptions)) {
        await vmdk.write(chunk, position);
        position += chunk.length;
      }
    });
  } finally {
    await raw.close();
  }
}
