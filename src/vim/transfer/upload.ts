import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { type AbortError, throwIfAborted } from '../../errors/index.js';
import { releaseChunk } from '../../stream/chunk-readable.js';
import type { UploadOptions } from '../vim-session.js';
import { TransferRequest, type TransferSession } from './transfer-request.js';

/** Sends a stream as the body of one HTTPS request, as {@link VimSession.upload} promises it. */
export async function upload(
  url: string,
  source: Readable,
  options: UploadOptions,
  session: TransferSession,
): Promise<void> {
  try {
    throwIfAborted(options.signal);
    const transfer = new TransferRequest(url, { ...options, headers: headersOf(options) }, session);
    await send(transfer, source, options);
  } catch (error) {
    // Without the error, which the caller gets; and what the source may still say has no listener.
    source.on('error', () => undefined);
    source.destroy();
    throw error;
  }
}

function headersOf({ headers, length }: UploadOptions): Record<string, string> {
  return { ...headers, ...(length === undefined ? {} : { 'Content-Length': String(length) }) };
}

/**
 * Pumps by hand rather than with `pipeline()`: a reply that comes before the body is sent must win over the broken pipe
 * that follows it, and a body of another length than announced must not be sent on.
 */
function send(transfer: TransferRequest, source: Readable, { length, signal }: UploadOptions): Promise<void> {
  const { request } = transfer;
  return new Promise((resolve, reject) => {
    let sent = 0;
    let bodySent = false;
    let accepted = false;
    let settled = false;

    const fail = (error: Error): void => {
      if (settled) return;
      settled = true;
      release();
      source.removeListener('data', take);
      reject(error);
      request.destroy();
    };
    const release = TransferRequest.onAbort(signal, (error: AbortError) => {
      fail(error);
    });
    const finish = (): void => {
      if (!bodySent || !accepted) return;
      settled = true;
      release();
      resolve();
    };
    const take = (chunk: Buffer | string): void => {
      const bytes = Buffer.byteLength(chunk);
      if (length !== undefined && sent + bytes > length) {
        fail(transfer.failed(`the source is longer than the announced ${length} bytes`, { retryable: false }));
        return;
      }
      sent += bytes;
      const written = (error?: Error | null): void => {
        if (!error) releaseChunk(source, chunk);
      };
      if (!request.write(chunk, written)) source.pause();
    };
    const answered = (response: IncomingMessage): void => {
      const status = response.statusCode ?? 0;
      response.on('error', (error) => {
        fail(transfer.errorOf(error));
      });
      if (status < 200 || status > 299) {
        fail(transfer.failed(`the server answered HTTP ${status}`, { status }));
        return;
      }
      // The body says nothing that is needed, but the answer is whole only at its end.
      response.once('end', () => {
        // vSphere's reader stops at the first end-of-stream marker. No byte is read from a request after its answer.
        if (length === undefined ? !bodySent : sent < length) {
          const size = length === undefined ? '' : ` of ${length}`;
          fail(
            transfer.failed(
              `the server answered HTTP ${status} after ${sent}${size} bytes were sent, and reads no more`,
            ),
          );
          return;
        }
        accepted = true;
        // A server that has all bytes answers at once, and no drain comes any more for the last ones.
        source.resume();
        finish();
      });
      response.resume();
    };

    request.on('error', (error) => {
      fail(transfer.errorOf(error));
    });
    request.on('drain', () => source.resume());
    // A connection may end without a word of error, with or without an answer before.
    request.once('close', () => {
      if (!accepted) fail(transfer.failed(`the connection was closed after ${sent} bytes were sent`));
    });
    request.once('response', answered);
    source.on('data', take);
    source.once('end', () => {
      if (length !== undefined && sent < length) {
        fail(transfer.failed(`the source ended after ${sent} of the announced ${length} bytes`, { retryable: false }));
        return;
      }
      request.end();
      bodySent = true;
      finish();
    });
    source.on('error', (error) => {
      fail(error);
    });
    const closed = (): void => {
      fail(transfer.failed('the source was closed before its end', { cause: source.errored }));
    };
    source.once('close', () => {
      if (!source.readableEnded) closed();
    });
    // It has said so before anybody listened.
    if (source.readableEnded) fail(transfer.failed('the source was read before', { retryable: false }));
    else if (source.destroyed || source.errored !== null) closed();
  });
}
