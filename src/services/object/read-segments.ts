import type { Readable } from 'node:stream';
import { BackupCorruptError, ObjectNotFoundError, StoreError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { segmentName } from './object-names.js';
import type { ObjectRecord } from './object-record.js';

/** A segment whose stream breaks is gone on with so often without a byte of progress. */
const maxFailures = 3;

/**
 * The backup's bytes. The next segment is asked for while one is read; a stream that breaks is gone on with from where it broke.
 *
 * @throws BackupCorruptError where a segment is missing
 */
export async function* readSegments(
  store: ObjectStore,
  key: string,
  record: Pick<ObjectRecord, 'backupId' | 'attempt' | 'segmentBytes' | 'streamBytes'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const { attempt, segmentBytes, streamBytes } = record;
  const count = Math.ceil(streamBytes / segmentBytes);
  const open = (number: number) => {
    const opening = store.get(segmentName(key, attempt, number), { signal });
    // Its failure is met when its turn comes; until then it must not count as unhandled.
    opening.then((stream) => stream.on('error', () => undefined)).catch(() => undefined);
    return opening;
  };
  let next = count > 0 ? open(0) : undefined;
  try {
    for (let number = 0; number < count; number++) {
      const opening = next ?? open(number);
      next = number + 1 < count ? open(number + 1) : undefined;
      const length = Math.min(segmentBytes, streamBytes - number * segmentBytes);
      yield* readSegment(store, segmentName(key, attempt, number), length, opening, signal);
    }
  } catch (error) {
    if (error instanceof ObjectNotFoundError) {
      throw new BackupCorruptError(`the data of backup ${record.backupId} is missing`, { cause: error });
    }
    throw error;
  } finally {
    next?.then((stream) => stream.destroy()).catch(() => undefined);
  }
}

async function* readSegment(
  store: ObjectStore,
  name: string,
  length: number,
  first: Promise<Readable>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let opening = first;
  let position = 0;
  for (let failures = 0; ;) {
    try {
      for await (const chunk of (await opening) as AsyncIterable<Buffer>) {
        position += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (position !== length) {
        throw new BackupCorruptError(`${name} has ${position} bytes, and not the ${length} that were stored`);
      }
      return;
    } catch (error) {
      const isPassing = error instanceof StoreError && error.retryable && position < length;
      if (!isPassing || ++failures > maxFailures) throw error;
      opening = store.get(name, { range: { offset: position }, signal });
    }
  }
}
