import type { IncomingMessage } from 'node:http';
import { cleanText } from '../../errors/clean-text.js';
import { StoreError, type StoreFailure } from '../../errors/index.js';
import { withoutSecrets } from '../../errors/known-secrets.js';
import { retryAfterMs } from '../http/retry.js';

const byStatus: Readonly<Record<number, StoreFailure>> = {
  401: 'credentials',
  403: 'denied',
  408: 'connection',
  // A newer timestamp is there already: somebody else changes the same object at this moment.
  409: 'unavailable',
  413: 'too-large',
  422: 'integrity',
  429: 'throttled',
  // Swift's own rate limit.
  498: 'throttled',
  499: 'connection',
  500: 'unavailable',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
  507: 'quota',
};

/** How much of a page is looked at for its words, in characters. */
const longestPage = 16_384;

const explained: Partial<Readonly<Record<StoreFailure, string>>> = {
  credentials: 'user, password or token are refused',
  denied: 'the user has no permission for this',
  quota: 'the quota is used up',
  'too-large': 'the object is larger than the store takes',
  throttled: 'the store asks for fewer requests',
  unavailable: 'the store does not work at the moment',
  integrity: 'the bytes did not arrive as they were sent',
};

/**
 * What Swift or Keystone says with a status that is no success.
 *
 * @param what was asked for, and of whom
 * @param body the answer's body
 */
export function statusError(
  what: string,
  { statusCode: status = 0, headers }: IncomingMessage,
  body: string,
): StoreError {
  const isQuota = status === 413 && /quota/i.test(body);
  const reason = isQuota ? 'quota' : (byStatus[status] ?? 'failed');
  // Swift answers with a page, or a line; Keystone with JSON.
  const said = cleanText(messageOf(body));
  const transaction = headers['x-trans-id'] ?? headers['x-openstack-request-id'];
  const parts = [
    explained[reason],
    `HTTP ${status}${said === '' ? '' : ` ${said}`}`,
    typeof transaction === 'string' ? `transaction ${cleanText(transaction)}` : undefined,
  ];
  return new StoreError(reason, `${what}: ${parts.filter((part) => part !== undefined).join('; ')}`, {
    status,
    retryAfterMs: retryAfterMs(headers['retry-after']),
  });
}

function messageOf(body: string): string {
  const parsed = parseJson(body);
  if (typeof parsed === 'object' && parsed !== null && 'error' in parsed) {
    const { error } = parsed;
    if (typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string') {
      return error.message;
    }
  }
  // A secret may hold what looks like a tag.
  return withoutSecrets(body, longestPage).replace(/<[^<>]*>/g, ' ');
}

/** The value that the text is the JSON of; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
