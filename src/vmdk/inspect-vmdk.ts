import { checkOptions, type InspectOptions } from './codec-options.js';
import { ProgressMeter } from './progress-meter.js';
import { openChunks, type VmdkBytes } from './read-chunks.js';
import type { VmdkInfo } from './vmdk-info.js';
import { VmdkInspector } from './vmdk-inspector.js';

/**
 * Checks the structure of a stream-optimized VMDK and says what it is. Grains are not inflated: that their data is
 * right, only `verifyVmdk` can tell.
 *
 * @param from - a file's path, or the stream itself (a `Readable`, say), which is read to its end
 * @throws InvalidVmdkError
 * @throws InvalidInputError, FileError where `from` cannot be read
 * @throws AbortError
 */
export async function inspectVmdk(from: VmdkBytes, options: InspectOptions = {}): Promise<VmdkInfo> {
  const { signal, onProgress } = checkOptions(options);
  const source = await openChunks('from', from, signal);
  const inspector = new VmdkInspector();
  const meter = new ProgressMeter(onProgress);
  const progress = () => ({
    bytesDone: inspector.streamBytes + inspector.paddingBytes,
    bytesTotal: source.length,
    coveredBytes: inspector.coveredBytes,
    capacityBytes: inspector.capacityBytes,
  });
  try {
    for await (const chunk of source.chunks) {
      inspector.write(chunk);
      meter.report(progress);
    }
    const info = inspector.end();
    meter.end(progress());
    return info;
  } finally {
    await source.close();
  }
}
