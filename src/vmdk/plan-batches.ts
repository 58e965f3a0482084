import { InvalidInputError } from '../errors/invalid-input-error.js';
import { EventLoopTurns } from '../event-loop-turns.js';
import { eachUntilAborted } from './each-until-aborted.js';
import type { DataExtent, VmdkSource } from './vmdk-source.js';

/** A stretch of the disk that is encoded at once, and the parts of it that must be read. All in bytes. */
export interface Batch {
  readonly start: number;
  readonly parts: readonly DataExtent[];
}

/**
 * Cuts a disk into stretches of `batchBytes`, at multiples of it whatever the extents are: how a stream is cut has no
 * influence on its bytes. Stretches without data are left out.
 *
 * @throws InvalidInputError if the source's extents overlap, go back or leave the disk, or are none
 * @throws AbortError also in the middle of a wait for the next extent
 */
export async function* planBatches(
  source: VmdkSource,
  batchBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Batch, void, void> {
  if (source.dataExtents === undefined) {
    for (let start = 0; start < source.capacityBytes; start += batchBytes) {
      yield { start, parts: [{ start, end: Math.min(start + batchBytes, source.capacityBytes) }] };
    }
    return;
  }

  let batch: { start: number; parts: DataExtent[] } | undefined;
  let end = 0;
  const turns = new EventLoopTurns();
  for await (const given of eachUntilAborted(iteratorOf(source.dataExtents()), signal)) {
    const extent = parseExtent(given);
    if (extent.start < end || extent.end < extent.start || extent.end > source.capacityBytes) {
      throw new InvalidInputError('dataExtents', `an extent from ${extent.start} to ${extent.end} is out of place`);
    }
    end = extent.end;
    await turns.pause();
    for (let at = extent.start; at < end;) {
      const start = at - (at % batchBytes);
      const partEnd = Math.min(start + batchBytes, end);
      if (batch?.start !== start) {
        if (batch !== undefined) yield batch;
        batch = { start, parts: [] };
      }
      batch.parts.push({ start: at, end: partEnd });
      at = partEnd;
    }
  }
  if (batch !== undefined) yield batch;
}

function iteratorOf(extents: unknown): AsyncIterator<unknown> {
  const iterable = extents as Partial<AsyncIterable<unknown>> | null | undefined;
  const iterator = iterable?.[Symbol.asyncIterator]?.();
  if (iterator === undefined) throw new InvalidInputError('dataExtents', 'does not give extents asynchronously');
  return iterator;
}

function parseExtent(given: unknown): DataExtent {
  const { start, end } = (given ?? {}) as Partial<DataExtent>;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end)) return { start, end } as DataExtent;
  throw new InvalidInputError('dataExtents', 'gives something else than the bytes at which a part starts and ends');
}
