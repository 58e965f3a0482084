import type { CodecOptions } from './codec-options.js';
import { readVmdk } from './read-vmdk.js';
import type { VmdkInfo } from './vmdk-info.js';
import type { VmdkSink } from './vmdk-sink.js';

/**
 * Decodes a stream-optimized VMDK, checking everything `verifyVmdk` checks on the way.
 *
 * @param source - the stream; also a file's path
 * @param sink - where the disk goes. If decoding fails, parts of it have been written
 * @throws InvalidVmdkError
 * @throws AbortError
 */
export async function decodeVmdkStream(
  source: string | AsyncIterable<Uint8Array>,
  sink: VmdkSink,
  options: CodecOptions = {},
): Promise<VmdkInfo> {
  const info = await readVmdk(source, options, (bytes, position) => sink.write(bytes, position));
  await sink.truncate?.(info.capacityBytes);
  return info;
}
