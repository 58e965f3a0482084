import * as z from 'zod';
import { dateSchema } from '../arguments.js';

/** Some say so that there is none. */
export function orNone<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (value === null || value === '' ? undefined : value), schema.optional());
}

/** When something ends: a `Date`, or ISO 8601, as services have it in their JSON. In milliseconds since the epoch. */
export const expirySchema = z
  .union([dateSchema, z.iso.datetime({ offset: true })])
  .transform((time) => new Date(time).getTime());

/** What may stand in a header field: one of Node's refuses the rest only when it is sent. */
export const headerTextSchema = z.string().regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters');
