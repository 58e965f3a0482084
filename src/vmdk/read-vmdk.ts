import { AbortError } from '../errors/abort-error.js';
import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { checkOptions, type CodecOptions } from './codec-options.js';
import { workerCount } from './codec-pool.js';
import { type DiskWriter, GrainInflater } from './grain-inflater.js';
import { ProgressMeter } from './progress-meter.js';
import { openBytes } from './read-bytes.js';
import type { VmdkBytes } from './read-chunks.js';
import { StreamParser } from './stream-parser.js';
import type { VmdkInfo } from './vmdk-info.js';

/**
 * Reads a stream to its end, checks its structure and inflates every grain. What verifying and decoding have in common.
 *
 * Of several faults the one that comes first in the stream is reported.
 *
 * @param field - the argument that `from` is
 * @param write - takes the disk; left out to only verify
 */
export async function readVmdk(
  field: string,
  from: VmdkBytes,
  options: CodecOptions,
  write?: DiskWriter,
): Promise<VmdkInfo> {
  const { signal, onProgress, workers } = checkOptions(options);
  const inflater: GrainInflater = new GrainInflater(
    workerCount(workers),
    () => {
      const { geometry, capacityBytes } = parser;
      if (geometry === undefined || capacityBytes === undefined) throw new Error('a grain before the header');
      return { geometry, capacityBytes };
    },
    write,
  );
  const parser: StreamParser = new StreamParser(inflater);
  const meter = new ProgressMeter(onProgress);
  const source = await openBytes(field, from, signal);
  const progress = () => ({
    bytesDone: parser.streamBytes + parser.paddingBytes,
    bytesTotal: source.length,
    coveredBytes: parser.coveredBytes,
    capacityBytes: parser.capacityBytes,
  });
  const abort = (): void => {
    if (signal !== undefined) inflater.abort(new AbortError(signal));
  };
  signal?.addEventListener('abort', abort);

  try {
    let { bytes, from: at } = await inflater.nextRoom();
    for (;;) {
      if (at === bytes.length) ({ bytes, from: at } = await inflater.nextRoom());
      const bytesRead = await source.read(bytes.subarray(at));
      if (bytesRead === 0) break;
      const come = bytes.subarray(0, at + bytesRead);
      at = parser.parse(come, at);
      while (at < come.length) {
        await inflater.makeRoom();
        at = parser.parse(come, at);
      }
      meter.report(progress);
    }
    const info = parser.end();
    await inflater.finish();
    meter.end(progress());
    return info;
  } catch (error) {
    // A grain that came before this fault may be bad as well, and was perhaps not inflated yet.
    if (error instanceof InvalidVmdkError) await inflater.finish();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    await inflater.close();
    await source.close();
  }
}
