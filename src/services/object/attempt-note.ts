import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { ObjectNotFoundError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { newNoteName } from './object-names.js';

const noteSchema = z.object({ formatVersion: z.literal(1), key: z.string().regex(/^[a-z0-9_%-]+$/) });

/**
 * Notes that there are, or will be, segments of this attempt, which no record need name.
 *
 * @returns the note's own key. Whoever removes a note removes that one: another one of the same attempt may have been left since
 */
export async function noteAttempt(
  store: ObjectStore,
  attempt: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const note: z.infer<typeof noteSchema> = { formatVersion: 1, key };
  const name = newNoteName(attempt);
  await store.put(name, Buffer.from(`${JSON.stringify(note)}\n`), { signal });
  return name;
}

/** The key of the backup that the attempt is at; undefined where the note is gone, or is not one. */
export async function readNote(
  store: ObjectStore,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const note: unknown = JSON.parse(await text(await store.get(name, { signal })));
    return noteSchema.safeParse(note).data?.key;
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
