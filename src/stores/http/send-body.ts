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
 * @returns whether all of the body was handed over, to be asked once there is an answer
 */
export function sendBody(
  request: ClientRequest,
  buffers: readonly Uint8Array[],
  expects: boolean,
  timer: StallTimer,
): () => boolean {
  const slices = [...slicesOf(buffers)];
  let given = 0;
  const isGiven = () => given === slices.length;
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  const send = () => {
    while (!isAnswered && !request.destroyed) {
      timer.start();
      const next = slices[given];
      if (next === undefined) {
        request.end();
        return;
      }
      given += 1;
      if (!request.write(next)) {
        request.once('drain', send);
        return;
      }
    }
  };
  if (!expects) {
    send();
    return isGiven;
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
  return isGiven;
}

function* slicesOf(buffers: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  for (const buffer of buffers) {
    for (let offset = 0; offset < buffer.length; offset += sliceBytes) {
      yield buffer.subarray(offset, offset + sliceBytes);
    }
  }
}
