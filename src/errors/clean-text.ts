import { withoutSecrets } from './known-secrets.js';

/** The most of a foreign text that goes into a message; an error page, or a key file, may have come instead of a reason. */
const longestText = 300;
/** What is looked at of it: the patterns below must not be given a megabyte. */
const longestSearched = 2_000;
/** What is searched for known secrets, which takes less, before it is cut. */
const longestRead = 16_384;

const secretName =
  '[\\w-]*(?:passw(?:or)?d|pwd|secret|token|signature|credential|api-?key|access-?key|cookie|session|ticket)';

/** What may be a secret in a text of somebody else's, and what is put there instead. */
const secrets: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // User name and password in a URL.
  [/(\w:\/\/)[^\s/@]*@/g, '$1…@'],
  [/\b((?:authorization|cookie)["']?\s*[:=]\s*)[^\r\n]+/gi, '$1…'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 …'],
  // `password=x`, `"secretAccessKey": "x"`, `X-Amz-Signature=x`, `vmware_soap_session="x"`.
  [new RegExp(`(${secretName}[\\w-]*["']?\\s*[:=]\\s*)(?:"[^"]*"|'[^']*'|[^\\s&,;]+)`, 'gi'), '$1…'],
  // The ticket of an NFC lease is a part of its URL's path.
  [/(\/nfc\/)[^/\s]+/g, '$1…'],
];

/**
 * A text that somebody else wrote (a backup service, a server), fit for an error's message or a log: one line, bounded,
 * and without what is a secret, or looks like one.
 */
export function cleanText(text: string): string {
  // First what is known: a part of it would not be recognized any more.
  let clean = withoutSecrets(text, longestRead).slice(0, longestSearched);
  for (const [pattern, replacement] of secrets) clean = clean.replace(pattern, replacement);
  // Control and format characters, line ends among them, could forge or hide lines of a log.
  clean = clean.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return clean.length > longestText || text.length > longestSearched ? `${clean.slice(0, longestText)}…` : clean;
}
