import type { ClientRequest } from 'node:http';
import type { StallTimer } from './stall-timer.js';

/** How long a server may take to say that it wants the body, in milliseconds. Some never say so. */
const continueMs = 1000;

/** Bytes handed over at once: so often it is seen whether they still move. */
const sliceBytes = 256 * 1024;

/**
 * Sends the body and ends the request. What fails, the request's own `error` tells; an answer that comes before stops it.
 *
 * @param expects whether the server is asked first
 */
export function sendBody(
  request: ClientRequest,
  buffers: readonly Uint8Array[],
  expects: boolean,
  timer: StallTimer,
): void {
  const slices = slicesOf(buffers);
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  const send = () => {
    while (!isAnswered && !request.destroyed) {
      timer.start();
      const next = slices.next();
      if (next.done === true) {
        request.end();
        return;
      }
      if (!request.write(next.value)) {
        request.once('drain', send);
        return;
      }
    }
  };
  if (!expects) {
    send();
    return;
  }
  let isSending = false;
  const begin = () => {
    clearTimeout(patience);
    if (isSending) return;
    isSending = true;
    send();
  };
  const patience = setTimeout(begin, continueMs);
  request.once('continue', begin);
  request.once('response', () => {
    clearTimeout(patience);
  });
  request.once('close', () => {
    clearTimeout(patience);
  });
  request.flushHeaders();
}

function* slicesOf(buffers: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  for (const buffer of buffers) {
    for (let offset = 0; offset < buffer.length; offset += sliceBytes) {
      yield buffer.subarray(offset, offset + sliceBytes);
    }
  }
}
