import { StoreError, type StoreFailure, VmdkDriverError } from '../index.js';

/** What Redis answers with, by the word each such answer begins with. */
const answers: Readonly<Record<string, StoreFailure>> = {
  NOAUTH: 'credentials',
  WRONGPASS: 'credentials',
  NOPERM: 'denied',
  OOM: 'quota',
  LOADING: 'unavailable',
  READONLY: 'unavailable',
  MASTERDOWN: 'unavailable',
  MISCONF: 'unavailable',
};

/** Does something on Redis, and tells in this library's words why it could not be done. @throws StoreError */
export async function onRedis<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VmdkDriverError) throw error;
    withoutCommand(error);
    const message = error instanceof Error ? error.message : String(error);
    throw new StoreError(redisFailure(error), `Redis: ${message}`, { cause: error });
  }
}

/** Takes out of an error of Redis's client the command that it was for: the one that signs in has the password. */
export function withoutCommand(error: unknown): void {
  if (error instanceof Error && 'command' in error) delete error.command;
}

/** Why Redis failed; `failed` where it was not Redis. */
export function redisFailure(error: unknown): StoreFailure {
  const message = error instanceof Error ? error.message : String(error);
  const answer = answers[/^[A-Z]+/.exec(message)?.[0] ?? ''];
  if (answer !== undefined) return answer;
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  const isConnection =
    name === 'MaxRetriesPerRequestError' ||
    (typeof code === 'string' && /^E(?!RR_)[A-Z]+/.test(code)) ||
    /^(Connection is closed|Command timed out)/.test(message);
  return isConnection ? 'connection' : 'failed';
}
