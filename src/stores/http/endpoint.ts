import * as z from 'zod';
import { timeLimitSchema } from '../../time-limit.js';
import { keyFlaw } from '../arguments.js';

/** An http or https URL without credentials, query or fragment. */
export const endpointSchema = z.string().refine((value) => {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return ['http:', 'https:'].includes(protocol) && [username, password, search, hash].every((part) => part === '');
}, 'must be an http or https URL without user, password, query and fragment');

/** A folder that all objects go to, as it stands before a key: without slashes at its ends, and with one after it. */
const folderSchema = z
  .string()
  .transform((prefix) => prefix.replace(/^\/+|\/+$/g, ''))
  .superRefine((folder, context) => {
    const flaw = folder === '' ? undefined : keyFlaw(folder);
    if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw });
  })
  .transform((folder) => (folder === '' ? '' : `${folder}/`));

/** What all stores on HTTP take. */
export const httpOptionsShape = {
  prefix: folderSchema.default(''),
  ca: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).readonly()]).optional(),
  stallTimeoutMs: timeLimitSchema.optional(),
  retryDelaysMs: z.array(z.number().nonnegative()).optional(),
};

/** A key as a path: every byte encoded but letters, digits, `-`, `_`, `.`, `~` and the slash. */
export function encodePath(key: string): string {
  return key.split('/').map(encodeStrictly).join('/');
}

/** As `encodeURIComponent`, and what that leaves alone, too. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
