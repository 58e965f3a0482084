import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { marksPrefix } from './names.js';

const marksSchema = z.object({
  keys: z.array(z.string()),
  grains: z.record(z.string(), z.base64()).default({}),
});

/** What a collection marked: keys of objects, and grains, by their packs' ids. */
export type Marks = Readonly<z.infer<typeof marksSchema>>;

export const noMarks: Marks = { keys: [], grains: {} };

/** Where an object of marks goes: each has a name of its own. */
export function newMarksKey(): string {
  return `${marksPrefix}${randomBytes(12).toString('hex')}.json`;
}

export function formatMarks(marks: Marks): Buffer {
  return Buffer.from(JSON.stringify(marks));
}

/** Marks that cannot be read mark nothing. */
export function parseMarks(bytes: Uint8Array): Marks {
  try {
    return marksSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return noMarks;
  }
}
