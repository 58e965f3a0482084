import type { IncomingHttpHeaders } from 'node:http';
import { cleanText } from '../../errors/clean-text.js';
import { StoreError, type StoreFailure } from '../../errors/index.js';
import { retryAfterMs } from '../http/retry.js';

/** What S3 says with an answer that is no success. */
export interface S3Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The error's code; empty where the answer has no body, as that of a HEAD. */
  readonly code: string;
  readonly message: string;
}

const byCode: Readonly<Record<string, StoreFailure>> = {
  InvalidAccessKeyId: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  ExpiredToken: 'credentials',
  InvalidToken: 'credentials',
  TokenRefreshRequired: 'credentials',
  InvalidSecurity: 'credentials',
  RequestTimeTooSkewed: 'clock-skew',
  AccessDenied: 'denied',
  AllAccessDisabled: 'denied',
  AccountProblem: 'denied',
  NoSuchBucket: 'no-container',
  QuotaExceeded: 'quota',
  EntityTooLarge: 'too-large',
  SlowDown: 'throttled',
  ServiceUnavailable: 'throttled',
  TooManyRequests: 'throttled',
  RequestLimitExceeded: 'throttled',
  BadDigest: 'integrity',
  InvalidDigest: 'integrity',
  IncompleteBody: 'connection',
  RequestTimeout: 'connection',
  InternalError: 'unavailable',
  // Somebody else changes the same key at this moment.
  OperationAborted: 'unavailable',
  ConditionalRequestConflict: 'unavailable',
  ConcurrentModification: 'unavailable',
};

const byStatus: Readonly<Record<number, StoreFailure>> = {
  401: 'credentials',
  403: 'denied',
  413: 'too-large',
  429: 'throttled',
  500: 'unavailable',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
  507: 'quota',
};

/** Codes after which new keys may help. */
const renewable: readonly string[] = ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'InvalidAccessKeyId'];

/** Whether new keys may help. A HEAD has no code: then it is told by the statuses that those codes come with. */
export function isExpired({ code, status }: S3Refusal): boolean {
  return code === '' ? [400, 401, 403].includes(status) : renewable.includes(code);
}

/** Whether it says that nothing can be locked there. `InvalidRequest` is what AWS, MinIO and radosgw have for it. */
function refusesLocks({ status, code }: S3Refusal): boolean {
  return status === 501 || code === 'InvalidRequest' || code.startsWith('ObjectLock');
}

const explained: Partial<Readonly<Record<StoreFailure, string>>> = {
  credentials: 'the keys are refused',
  denied: 'the keys have no permission for this',
  'no-container': 'there is no such bucket',
  quota: 'the quota is used up',
  'too-large': 'the object is larger than the store takes',
  throttled: 'the store asks for fewer requests',
  unavailable: 'the store does not work at the moment',
  integrity: 'the bytes did not arrive as they were sent',
  'no-retention': 'the store or the bucket has no Object Lock',
};

/**
 * @param what was asked for, and of whom
 * @param locks whether a lock was asked for
 */
export function s3Error(what: string, refusal: S3Refusal, locks = false): StoreError {
  const { status, headers, code, message } = refusal;
  const reason = byCode[code] ?? byStatus[status] ?? (locks && refusesLocks(refusal) ? 'no-retention' : 'failed');
  // Apart: a code such as InvalidToken is not the name of the secret that follows.
  const texts = [code, message].map(cleanText).filter((part) => part !== '');
  const said = texts.join(': ');
  const parts = [explanation(reason, refusal), `HTTP ${status}${said === '' ? '' : ` ${said}`}`];
  return new StoreError(reason, `${what}: ${parts.filter((part) => part !== undefined).join('; ')}`, {
    status,
    retryAfterMs: retryAfterMs(headers['retry-after']),
  });
}

function explanation(reason: StoreFailure, { status, headers, code }: S3Refusal): string | undefined {
  const region = headers['x-amz-bucket-region'];
  if (typeof region === 'string' && ([301, 307].includes(status) || code === 'AuthorizationHeaderMalformed')) {
    return `the bucket is in the region ${cleanText(region)}`;
  }
  if (reason === 'clock-skew') {
    const seconds = Math.round((Date.now() - Date.parse(headers.date ?? '')) / 1000);
    const by = Number.isFinite(seconds)
      ? ` by ${Math.abs(seconds)} s: this machine's is ${seconds < 0 ? 'behind' : 'ahead'}`
      : '';
    return `the clocks of this machine and of the store differ${by}`;
  }
  return explained[reason];
}
