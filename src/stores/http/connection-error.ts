import { errnoOf } from '../../errors/errno.js';
import { StoreError, type StoreFailure, VmdkDriverError } from '../../errors/index.js';

/** Whether a code says that the peer's certificate is not trusted. */
function isTls(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|CRL_|HOSTNAME_MISMATCH/.test(code);
}

/** Nothing was sent: there is no connection. */
const notSent: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
];

/**
 * What broke a connection, as an error that says with whom.
 *
 * @param peer `host:port`
 */
export function connectionError(error: unknown, peer: string): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  const code = errnoOf(error) ?? '';
  const reason: StoreFailure = isTls(code) ? 'tls' : 'connection';
  const what = reason === 'tls' ? 'its certificate is not trusted' : 'the connection failed';
  // The system's own message may hold a URL.
  return new StoreError(reason, `${peer}: ${what}${code === '' ? '' : ` (${code})`}`, {
    cause: error,
    // A name that does not exist will not exist a moment later.
    ...(code === 'ENOTFOUND' ? { retryable: false } : {}),
  });
}

/** Whether a request that ended with this error cannot have been carried out. */
export function wasNotSent(error: StoreError): boolean {
  return error.reason === 'connection' && notSent.includes(errnoOf(error.cause) ?? '');
}
