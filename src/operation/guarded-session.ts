import { boundedCall, graceMs } from '../bounded-call.js';
import { mayPass, unshared } from '../errors/foreign-error.js';
import { AbortError, TransferError, VimConnectionError, VimProtocolError, VmdkDriverError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import { byteStream } from '../stream/byte-stream.js';
import { markAsViewOf } from '../vim/session-identity.js';
import type { Download, VimSession } from '../vim/vim-session.js';

/**
 * How long a call that was not told to stop may take once the operation is aborted, in milliseconds, on top of the time it
 * asks the server to wait: its outcome is wanted, but not for ever.
 */
const answerMs = 60_000;

/**
 * The application's vSphere session, made trustworthy for one operation: what it throws is one of the library's errors, what it
 * downloads is a stream, and once the operation is aborted it cannot hold it for longer than a bounded time. A call that changes
 * something and is then not answered counts as one whose reply was lost.
 */
export function guardVimSession(vim: VimSession, { signal }: { readonly signal: AbortSignal }): VimSession {
  let silent = false;

  const told = <T>(call: () => Promise<T>, by: AbortSignal, onLate?: (value: T | undefined) => void): Promise<T> =>
    boundedCall({ call, signal: by, onTimeUp: () => new AbortError(by), onLate });

  const guarded: VimSession = {
    get serviceContent() {
      return assertServiceContent(readServiceContent(vim));
    },
    get host() {
      return vim.host;
    },
    get port() {
      return vim.port;
    },

    invoke(method, target, args, options = {}) {
      // Where nobody waits for it any more, it is not to be sent any more either.
      const leftBehind = new AbortController();
      const call = () => vim.invoke(method, target, args, { ...options, signal: options.signal ?? leftBehind.signal });
      const onTimeUp = (): VimConnectionError => {
        silent = true;
        leftBehind.abort();
        return new VimConnectionError(`${method}: the session did not answer`, 'unknown', { retryable: false });
      };
      const answer =
        options.signal === undefined
          ? boundedCall({ call, signal, limitMs: silent ? graceMs : answerMs + waitMs(args), onTimeUp })
          : told(call, options.signal);
      return answer.catch((error: unknown) => {
        throw asSessionError(error);
      });
    },

    async download(url, options = {}) {
      try {
        const call = (): Promise<unknown> => vim.download(url, options);
        return parseDownload(await told(call, options.signal ?? signal, dropDownload));
      } catch (error) {
        throw error instanceof VmdkDriverError ? unshared(error) : transferError(reasonOf(error), error);
      }
    },

    async upload(url, source, options) {
      try {
        await told(() => vim.upload(url, source, options), options.signal ?? signal);
      } catch (error) {
        throw error instanceof VmdkDriverError ? unshared(error) : transferError(reasonOf(error), error);
      }
    },
  };
  return markAsViewOf(guarded, vim);
}

/** What a long poll asks the server to wait for something to happen. */
function waitMs(args: object): number {
  const { options } = args as { readonly options?: { readonly maxWaitSeconds?: number | undefined } };
  return (options?.maxWaitSeconds ?? 0) * 1000;
}

/** A session may say by an error that it is not connected. */
function readServiceContent(vim: VimSession): VimSession['serviceContent'] {
  try {
    return vim.serviceContent;
  } catch (error) {
    throw asSessionError(error);
  }
}

/** The little of it that everything else is found by. */
function assertServiceContent(content: VimSession['serviceContent']): VimSession['serviceContent'] {
  const { about, rootFolder, propertyCollector } = (content as Partial<VimSession['serviceContent']> | undefined) ?? {};
  if (about !== undefined && rootFolder !== undefined && propertyCollector !== undefined) return content;
  throw new VimProtocolError("the vSphere session's serviceContent is not what RetrieveServiceContent returns");
}

function asSessionError(error: unknown): VmdkDriverError {
  if (error instanceof VmdkDriverError) return unshared(error);
  return new VimConnectionError(`the vSphere session failed: ${reasonOf(error)}`, 'unknown', {
    cause: error,
    retryable: mayPass(error),
  });
}

function transferError(reason: string, cause?: unknown): TransferError {
  return new TransferError(`the vSphere session failed: ${reason}`, { cause });
}

function parseDownload(opened: unknown): Download {
  const { stream, length } = (opened ?? {}) as { stream?: unknown; length?: unknown };
  return { stream: byteStream(stream, transferError), length: typeof length === 'number' ? length : undefined };
}

/** Ends a download that came when nobody waited for it any more. */
function dropDownload(opened: unknown): void {
  try {
    parseDownload(opened).stream.destroy();
  } catch {
    // It gave none.
  }
}
