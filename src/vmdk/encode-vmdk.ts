import { throwIfAborted } from '../errors/abort-error.js';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import { checkOptions, type EncodeOptions } from './codec-options.js';
import { encodeVmdkStream } from './encode-stream.js';
import { InputFile } from './input-file.js';
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
 * @throws InvalidInputError if the image is empty, an option is wrong, or one of the files cannot be what it must
 * @throws FileError also when the image gets longer or shorter meanwhile
 * @throws InvalidVmdkError `too-large` when the stream would outgrow 2 TiB
 * @throws AbortError
 */
export async function encodeVmdk(rawPath: string, vmdkPath: string, options: EncodeFileOptions = {}): Promise<void> {
  const { dataExtents, ...encodeOptions } = checkOptions(options);
  throwIfAborted(encodeOptions.signal);
  const raw = await InputFile.open('rawPath', rawPath);
  try {
    const { length } = raw;
    if (length === undefined) {
      throw new InvalidInputError(
        'rawPath',
        `${rawPath} is a block device, which does not tell its size: encodeVmdkStream can be told`,
      );
    }
    const source: VmdkSource = {
      capacityBytes: length,
      read: (buffer, position) => raw.read(buffer, position),
      ...(dataExtents === undefined ? {} : { dataExtents }),
    };
    await replaceFile('vmdkPath', vmdkPath, rawPath, async (vmdk) => {
      let position = 0;
      for await (const chunk of encodeVmdkStream(source, encodeOptions)) {
        await vmdk.write(chunk, position);
        position += chunk.length;
      }
      // There is nothing behind the image; if there is now, it was written meanwhile.
      await raw.read(Buffer.alloc(1), length);
    });
  } finally {
    await raw.close();
  }
}
