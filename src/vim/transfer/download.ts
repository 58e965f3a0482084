import type { IncomingMessage } from 'node:http';
import { throwIfAborted } from '../../errors/index.js';
import { markTypedBytes } from '../../stream/byte-stream.js';
import type { Download, TransferOptions } from '../vim-session.js';
import { TransferRequest, type TransferSession } from './transfer-request.js';

/** Opens the body of an HTTPS GET, as {@link VimSession.download} promises it. */
export async function download(
  url: string,
  { thumbprint, certificate, signal }: TransferOptions,
  session: TransferSession,
): Promise<Download> {
  throwIfAborted(signal);
  const transfer = new TransferRequest(
    url,
    { method: 'GET', headers: { 'Accept-Encoding': 'identity' }, thumbprint, certificate, signal },
    session,
  );
  const response = await headOf(transfer, signal);
  // Codings are told regardless of case (RFC 9110, 8.4.1).
  const coding = (response.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (response.statusCode !== 200 || !['', 'identity'].includes(coding)) {
    // Its body is of no use, and may have no end.
    response.destroy();
    const status = response.statusCode ?? 0;
    if (status !== 200) throw transfer.failed(`the server answered HTTP ${status}`, { status });
    throw transfer.failed(`the server compressed the body (${coding})`);
  }
  const length = response.headers['content-length'];
  return { stream: response, ...(length === undefined ? {} : { length: Number(length) }) };
}

/** Sends the request and waits for the head of its reply. The signal keeps its power over the body. */
function headOf(transfer: TransferRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  const { request } = transfer;
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const release = TransferRequest.onAbort(signal, (error) => {
      response?.destroy(error);
      request.destroy(error);
    });
    // It may close without an error, and without an answer: where the server switches protocols, say, which nobody asked it to.
    request.once('close', () => {
      release();
      reject(transfer.failed('the connection was closed without an answer'));
    });
    // It stays: a connection may fail more than once, and the body reports what matters after the head.
    request.on('error', (error) => {
      reject(transfer.errorOf(error));
    });
    request.once('response', (message) => {
      response = message;
      reportAsTransferError(message, transfer);
      markTypedBytes(message);
      resolve(message);
    });
    request.end();
  });
}

/** Makes the body fail in this library's words. A stream between would do it too, at the price of a copy of each chunk. */
function reportAsTransferError(message: IncomingMessage, transfer: TransferRequest): void {
  const destroy = message._destroy.bind(message);
  message._destroy = (error, done) => {
    destroy(error === null ? null : transfer.errorOf(error), done);
  };
}
