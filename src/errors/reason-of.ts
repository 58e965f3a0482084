import { types } from 'node:util';
import { cleanText } from './clean-text.js';

/** How many causes are looked into for one that says more. */
const deepestCause = 4;

/**
 * Why something of somebody else's failed, in one clean line, from whatever it was that it threw.
 */
export function reasonOf(thrown: unknown): string {
  try {
    return cleanText(messagesOf(thrown).join(': ')) || 'no reason given';
  } catch {
    // A getter or a proxy that throws.
    return 'no reason that could be read';
  }
}

/** The messages of an error and its causes, as far as they add something: `fetch failed` says nothing by itself. */
function messagesOf(thrown: unknown): string[] {
  const messages: string[] = [];
  for (let error = thrown, depth = 0; depth <= deepestCause; depth++) {
    const message = messageOf(error);
    if (message !== '' && !messages.some((said) => said.includes(message))) messages.push(message);
    if (!isErrorLike(error) || error.cause === undefined) break;
    error = error.cause;
  }
  return messages;
}

function messageOf(error: unknown): string {
  if (isErrorLike(error)) {
    if (typeof error.message === 'string' && error.message !== '') return error.message;
    // Of several addresses that were tried: Node gives their errors, and no message.
    if (Array.isArray(error.errors) && error.errors.length > 0) return messageOf(error.errors[0]);
    return textOf(error.code) || textOf(error.name);
  }
  return textOf(error);
}

interface ErrorLike {
  readonly message?: unknown;
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Not `instanceof`: an error may come from another realm, as Node's own do under a test runner. */
function isErrorLike(value: unknown): value is ErrorLike {
  return types.isNativeError(value) || (typeof value === 'object' && value !== null && 'message' in value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
