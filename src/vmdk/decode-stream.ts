import type { CodecOptions } from './codec-options.js';
import type { VmdkInfo } from './vmdk-info.js';
import type { VmdkSink } from './vmdk-sink.js';

/**
 * Decodes a stream-optimized VMDK, checking everything on the way.
 *
 * @throws InvalidVmdkError if the stream is not whole and well formed; by then parts of it may have been written
 * @throws AbortError
 */
export function decodeVmdkStream(
  _source: AsyncIterable<Uint8Array>,
  _sink: VmdkSink,
  _options: CodecOptions = {},
): Promise<VmdkInfo> {
  return Promise.reject(new Error('not yet'));
}
