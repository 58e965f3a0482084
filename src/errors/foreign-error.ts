import type { VmdkDriverError } from './vmdk-driver-error.js';

/** System errors of a network, and of a store behind it, that pass by themselves. */
const passing = new Set([
  'EAGAIN',
  'EAI_AGAIN',
  'EBUSY',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'EPIPE',
  'ESTALE',
  'ETIMEDOUT',
]);

/** Whether what failed may fare better later: where the error says so itself, or is a system's that passes. */
export function mayPass(thrown: unknown): boolean {
  try {
    const { retryable, code, cause } = (thrown ?? {}) as { retryable?: unknown; code?: unknown; cause?: unknown };
    if (typeof retryable === 'boolean') return retryable;
    const { code: codeOfCause } = (cause ?? {}) as { code?: unknown };
    return [code, codeOfCause].some((name) => typeof name === 'string' && passing.has(name));
  } catch {
    return false;
  }
}

/**
 * One of this library's errors as an operation may note its phase on it: a service may reject with the same one each time, or
 * with a frozen one.
 */
export function unshared(error: VmdkDriverError): VmdkDriverError {
  return error.phase === undefined && Object.isExtensible(error) ? error : copyOf(error);
}

/** The same error anew, for somebody else who waited for the same thing: on each, its operation notes what it did. */
export function copyOf(error: VmdkDriverError): VmdkDriverError {
  const copy = new Error(error.message);
  const { phase, cleanup, ...fields } = Object.getOwnPropertyDescriptors(error);
  for (const field of Object.values(fields)) field.configurable = true;
  Object.defineProperties(copy, fields);
  return Object.assign(Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object) as VmdkDriverError, {
    phase: undefined,
    cleanup: error.cleanup,
  });
}
