import type { CodecOptions } from './codec-options.js';
import { decodeInto } from './decode-stream.js';
import { checkPath } from './input-file.js';
import { replaceFile } from './replacement-file.js';
import type { VmdkInfo } from './vmdk-info.js';

/**
 * Decodes a stream-optimized VMDK into a raw disk image: a sparse file of exactly the disk's size.
 *
 * The image appears under its name when all of the stream proved good; until then, and if it fails, whatever was there
 * stays, and nothing is left beside it.
 *
 * @param vmdkPath - the stream
 * @param rawPath - the image to write, mode 0600. A file, not a device: use {@link decodeVmdkStream} for that
 * @throws InvalidVmdkError
 * @throws InvalidInputError, FileError where one of the files cannot be what it must
 * @throws AbortError
 */
export async function decodeVmdk(vmdkPath: string, rawPath: string, options: CodecOptions = {}): Promise<VmdkInfo> {
  checkPath('vmdkPath', vmdkPath);
  return replaceFile('rawPath', rawPath, vmdkPath, (raw) => decodeInto(raw, 'vmdkPath', vmdkPath, options));
}
