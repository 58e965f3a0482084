import { untilAborted } from '../until-aborted.js';
import { checkMethods } from './check-methods.js';
import { checkOptions, type CodecOptions } from './codec-options.js';
import type { VmdkBytes } from './read-chunks.js';
import { readVmdk } from './read-vmdk.js';
import type { VmdkInfo } from './vmdk-info.js';
import type { VmdkSink } from './vmdk-sink.js';

/**
 * Decodes a stream-optimized VMDK, checking everything `verifyVmdk` checks on the way.
 *
 * @param source - the stream; also a file's path
 * @param sink - where the disk goes. If decoding fails, parts of it have been written; what it rejects with is passed on
 * @throws InvalidVmdkError
 * @throws InvalidInputError, FileError where `source` cannot be read, or `sink` is none
 * @throws AbortError
 */
export async function decodeVmdkStream(
  source: VmdkBytes,
  sink: VmdkSink,
  options: CodecOptions = {},
): Promise<VmdkInfo> {
  checkMethods('sink', sink, ['write'], ['truncate']);
  return decodeInto(sink, 'source', source, options);
}

/** @param field - the argument that `source` is */
export async function decodeInto(
  sink: VmdkSink,
  field: string,
  source: VmdkBytes,
  options: CodecOptions,
): Promise<VmdkInfo> {
  const { signal } = checkOptions(options);
  const write = (bytes: Buffer, position: number): Promise<void> => untilAborted(sink.write(bytes, position), signal);
  const info = await readVmdk(field, source, options, write);
  if (sink.truncate !== undefined) await untilAborted(sink.truncate(info.capacityBytes), signal);
  return info;
}
