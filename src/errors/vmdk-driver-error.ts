import { inspect } from 'node:util';
import { isNativeError } from 'node:util/types';
import type { ErrorCode } from './error-code.js';
import { withoutSecrets } from './known-secrets.js';
import type { Phase } from './phase.js';

/** What every error of this library carries besides its message. */
export interface ErrorDetails {
  /** The error that led to this one, if any. */
  readonly cause?: unknown;
  /** Whether the same call may succeed when repeated later, without anyone changing anything. Default `false`. */
  readonly retryable?: boolean;
  /** The step of the operation in which it happened. Set by the driver as the error passes through it. */
  readonly phase?: Phase;
  /** After how many milliseconds the same call may succeed; where nothing is known, absent. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Whether everything an operation made, beside what it was for, is gone: `pending` where something may be left that one more
 * call, or `recover()`, ends; `kept` where a disk's file was kept because somebody may refer to it, or because the volume's new disk
 * is not as it should be.
 */
export type Cleanup = 'done' | 'pending' | 'kept';

/**
 * The base of every error this library throws.
 *
 * `instanceof` also holds across the package's ESM and CJS copies, since classes are told by their {@link brand}
 * and not by identity. Matching on {@link code} is the most robust choice.
 *
 * No message and no field ever holds a password, a session cookie or an NFC ticket.
 */
export abstract class VmdkDriverError extends Error {
  /** Names the class across copies of the package. */
  static readonly brand: string = 'VmdkDriverError';

  /** Stable, documented, and the same in every version. */
  abstract readonly code: ErrorCode;
  readonly retryable: boolean;
  /** The step of the operation in which it happened, when it happened inside one. */
  phase: Phase | undefined;
  /** Whether everything the operation made, in vCenter and in `config.tmpDir`, is gone. `pending` also where that could not be found out. */
  cleanup: Cleanup = 'done';
  /**
   * After how many milliseconds the volume may be usable again: where a lease that nobody can end any more, or somebody else's
   * operation, holds it until then.
   */
  retryAfterMs: number | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(
      oneLine(withoutSecrets(message)),
      details.cause === undefined ? undefined : { cause: safeCause(details.cause) },
    );
    this.name = (this.constructor as typeof VmdkDriverError).brand;
    this.retryable = details.retryable ?? false;
    this.phase = details.phase;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Tells by {@link brand}, so that it holds across copies of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class of the host's own that extends ours has no brand of its own: only identity can tell it.
    try {
      if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value);
      return value instanceof Error && brandsOf(value).includes(this.brand);
    } catch {
      // What somebody else threw may be a proxy that throws.
      return false;
    }
  }

  /** The error as plain data, for structured logs. Causes are reduced to their name, code and message. */
  toJSON(): Record<string, unknown> {
    const { name, message, code, retryable, phase, cleanup, retryAfterMs, cause } = this;
    return {
      name,
      code,
      message,
      retryable,
      cleanup,
      ...(phase === undefined ? {} : { phase }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...plainCause(cause),
    };
  }
}

/** A message is one line of a log, whatever a server put into it. */
function oneLine(message: string): string {
  return message.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** Somebody else's error may hold a secret in any of its fields: then what it says is kept, and not the error. */
function safeCause(cause: unknown): unknown {
  if (!isNativeError(cause) || cause instanceof VmdkDriverError) return cause;
  try {
    const shown = inspect(cause, { depth: 4 });
    if (withoutSecrets(shown) === shown) return cause;
    const { name, message, ...code } = textsOf(cause);
    return Object.assign(new Error(withoutSecrets(message)), { name, ...code });
  } catch {
    // It cannot be looked through.
    return new Error('no reason that could be read');
  }
}

/** A cause as plain data, unless it is something that cannot be shown so. */
function plainCause(cause: unknown): { readonly cause?: ErrorTexts } {
  if (!isNativeError(cause)) return {};
  try {
    return { cause: textsOf(cause) };
  } catch {
    return {};
  }
}

interface ErrorTexts {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
}

/** What an error says of itself. Its fields may be anything, and may throw, where it is somebody else's. */
function textsOf(error: Error): ErrorTexts {
  const { name, message, code } = error as { readonly [field in keyof ErrorTexts]?: unknown };
  const isPlain = typeof code === 'string' || typeof code === 'number';
  return { name: String(name), message: String(message), ...(isPlain && { code }) };
}

function brandsOf(error: Error): string[] {
  const brands: string[] = [];
  for (let type: unknown = error.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    if (Object.hasOwn(type, 'brand')) brands.push((type as unknown as { brand: string }).brand);
  }
  return brands;
}
