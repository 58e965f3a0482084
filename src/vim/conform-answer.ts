import { VimConnectionError, VimProtocolError } from '../errors/index.js';
import { conform } from './codec/index.js';
import { mainThread } from './main-thread.js';
import { type MethodDefinition, type MethodName, type MethodResult, methods } from './schema/index.js';

/**
 * Gives what somebody else's session answered the type that the schema table declares for it.
 *
 * @throws VimProtocolError, VimConnectionError as {@link lostAnswer}
 */
export async function conformAnswer<M extends MethodName>(method: M, answer: unknown): Promise<MethodResult<M>> {
  const { returns }: MethodDefinition = methods[method];
  try {
    const conformed = returns && (await mainThread.runAll(conform(returns, answer, method)));
    return conformed as MethodResult<M>;
  } catch (error) {
    throw lostAnswer(method, error);
  }
}

/** An answer that cannot be understood is a lost one to whoever must know whether the call was carried out. */
export function lostAnswer(method: MethodName, error: unknown): unknown {
  if (!(error instanceof VimProtocolError) || methods[method].idempotent) return error;
  return new VimConnectionError(error.message, 'unknown', { cause: error, retryable: false });
}
