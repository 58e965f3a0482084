import type { CodecOptions } from './codec-options.js';
import type { VmdkBytes } from './read-chunks.js';
import { readVmdk } from './read-vmdk.js';
import type { VmdkInfo } from './vmdk-info.js';

/**
 * Checks all of a stream-optimized VMDK: its structure as `inspectVmdk` does, and every grain's data, which is
 * inflated in worker threads and must have the right checksum and the right size.
 *
 * @param from - a file's path, or the stream itself (a `Readable`, say), which is read once, to its end
 * @throws InvalidVmdkError
 * @throws InvalidInputError, FileError where `from` cannot be read
 * @throws AbortError
 */
export function verifyVmdk(from: VmdkBytes, options: CodecOptions = {}): Promise<VmdkInfo> {
  return readVmdk('from', from, options);
}
