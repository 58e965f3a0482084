import type { IncomingMessage } from 'node:http';
import { AbortError, StoreError } from '../../errors/index.js';
import { connectionError } from './connection-error.js';
import { StallTimer } from './stall-timer.js';

/** The longest answer that is not an object, in bytes. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** How an answer is read. */
export interface ReadAnswerOptions {
  readonly stallTimeoutMs: number;
  /** `host:port`, for errors. */
  readonly peer: string;
  readonly signal?: AbortSignal | undefined;
}

/** The answer's body, chunk by chunk as it comes. */
export async function* chunksOfAnswer(
  answer: IncomingMessage,
  { stallTimeoutMs, peer, signal }: ReadAnswerOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const timer = new StallTimer(stallTimeoutMs, (error) => answer.destroy(error));
  const onAbort = () => {
    if (signal !== undefined) answer.destroy(new AbortError(signal));
  };
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let received = 0;
  try {
    timer.start();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      timer.start();
      received += chunk.length;
      if (received > maxAnswerBytes) throw new StoreError('protocol', `${peer}: an answer is too long`);
      yield chunk;
    }
  } catch (error) {
    throw connectionError(error, peer);
  } finally {
    timer.stop();
    signal?.removeEventListener('abort', onAbort);
    answer.destroy();
  }
}

/** Reads the answer's body to its end, so that its connection can be used again. */
export async function discardAnswer(answer: IncomingMessage, options: ReadAnswerOptions): Promise<void> {
  const chunks = chunksOfAnswer(answer, options);
  while ((await chunks.next()).done !== true);
}

/** All of the answer's body as text. */
export async function textOfAnswer(answer: IncomingMessage, options: ReadAnswerOptions): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOfAnswer(answer, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
