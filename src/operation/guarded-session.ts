import { boundedCall, graceMs } from '../bounded-call.js';
import { mayPass } from '../errors/foreign-error.js';
import {
  AbortError,
  TransferError,
  VimConnectionError,
  VimProtocolError,
  type VmdkDriverError,
} from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import { byteStream } from '../stream/byte-stream.js';
import { conformAnswer } from '../vim/conform-answer.js';
import type { MethodName, MethodResult } from '../vim/schema/index.js';
import { isConforming, markAsViewOf } from '../vim/session-identity.js';
import type { Download, VimSession } from '../vim/vim-session.js';
import { ownError } from './own-error.js';

/**
 * How long a call that was not told to stop may take once the operation is aborted, in milliseconds, on top of the time it
 * asks the server to wait: its outcome is wanted, but not for ever.
 */
const answerMs = 60_000;

/**
 * The application's vSphere session, made trustworthy for one operation: what it throws is one of the library's errors, what it
 * answers has the types of the schema, what it downloads is a stream, and once the operation is aborted it cannot hold it for longer
 * than a bounded time. A call that changes something and is then not answered counts as one whose reply was lost.
 */
export function guardVimSession(vim: VimSession, { signal }: { readonly signal: AbortSignal }): VimSession {
  let silent = false;
  const conforms = isConforming(vim);

  const told = <T>(call: () => Promise<T>, by: AbortSignal, onLate?: (value: T | undefined) => void): Promise<T> =>
    boundedCall({ call, signal: by, onTimeUp: () => new AbortError(by), onLate });

  const guarded: VimSession = {
    get serviceContent() {
      return read(() => assertServiceContent(vim.serviceContent));
    },
    get host() {
      return read(() => assertHost(vim.host));
    },
    get port() {
      return read(() => vim.port);
    },

    invoke(method, target, args, options = {}) {
      // Where nobody waits for it any more, it is not to be sent any more either.
      const leftBehind = new AbortController();
      const { signal: by = leftBehind.signal } = options;
      const call = () => {
        const answer = vim.invoke(method, target, args, { ...options, signal: by });
        return conforms ? answer : conformed(method, answer);
      };
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
        throw asSessionError(error, by);
      });
    },

    async download(url, options = {}) {
      const { signal: by = signal } = options;
      try {
        const call = async (): Promise<Download> => parseDownload(await vim.download(url, options));
        return await told(call, by, (late) => late?.stream.destroy());
      } catch (error) {
        throw ownError(error, by) ?? transferError(reasonOf(error), error);
      }
    },

    async upload(url, source, options) {
      const { signal: by = signal } = options;
      try {
        await told(() => vim.upload(url, source, options), by);
      } catch (error) {
        throw ownError(error, by) ?? transferError(reasonOf(error), error);
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
function read<T>(property: () => T): T {
  try {
    return property();
  } catch (error) {
    throw asSessionError(error);
  }
}

/** The little of it that everything else is found by. */
function assertServiceContent(content: unknown): VimSession['serviceContent'] {
  const { about, rootFolder, propertyCollector } = (content ?? {}) as Readonly<Record<string, unknown>>;
  const isWhole = [about, rootFolder, propertyCollector].every((part) => typeof part === 'object' && part !== null);
  if (isWhole) return content as VimSession['serviceContent'];
  throw new VimProtocolError("the vSphere session's serviceContent is not what RetrieveServiceContent returns");
}

function assertHost(host: unknown): string {
  if (typeof host === 'string') return host;
  throw new VimProtocolError("the vSphere session's host is neither a name nor an address");
}

async function conformed<M extends MethodName>(method: M, answer: Promise<unknown>): Promise<MethodResult<M>> {
  return conformAnswer(method, await answer);
}

function asSessionError(error: unknown, by?: AbortSignal): VmdkDriverError {
  const own = ownError(error, by);
  if (own !== undefined) return own;
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
