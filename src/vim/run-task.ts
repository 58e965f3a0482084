import { AbortError, isVimFault, throwIfAborted, VimConnectionError, VimFault } from '../errors/index.js';
import type { MethodArgs, MethodName, MoRef, VimObject } from './schema/index.js';
import type { AbortableOptions, VimSession } from './vim-session.js';
import { waitForProperties } from './wait-for-updates.js';

/** A method that starts a task. */
export type TaskMethodName = Extract<MethodName, `${string}_Task`>;

/**
 * Starts a task and waits for its end.
 *
 * Once the call is on its way its outcome must be known, so the signal does not cut the wait short: it asks the server
 * to cancel the task (`CancelTask`), and what the task then became is what counts.
 *
 * @returns the task's `info.result`
 * @throws VimFault where the task ended in error; `method` is the called one
 * @throws AbortError where the task ended because it was cancelled, or was never started
 * @throws VimConnectionError with outcome `unknown` where the server went away after the task was started
 */
export async function runTask<M extends TaskMethodName>(
  vim: VimSession,
  method: M,
  target: MoRef,
  args: MethodArgs<M>,
  { signal }: AbortableOptions = {},
): Promise<unknown> {
  throwIfAborted(signal);
  const task: MoRef = await vim.invoke<TaskMethodName>(method, target, args);
  const cancel = (): void => {
    // A task that cannot be cancelled, or is done, simply ends; the wait below tells.
    void vim.invoke('CancelTask', task, {}).catch(() => undefined);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await taskResult(vim, task, method);
  } catch (error) {
    if (signal?.aborted === true && isVimFault(error, 'RequestCanceled')) throw new AbortError(signal);
    // Whatever became of the wait, the task itself was started.
    if (error instanceof VimConnectionError) throw new VimConnectionError(error.message, 'unknown', { cause: error });
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** Waits for a task's end, whoever started it. */
export function taskResult(
  vim: VimSession,
  task: MoRef,
  method: string,
  options: AbortableOptions = {},
): Promise<unknown> {
  return waitForProperties<'Task', 'info.state' | 'info.error' | 'info.result', { readonly result: unknown }>(
    vim,
    task,
    'Task',
    ['info.state', 'info.error', 'info.result'],
    (info) => {
      switch (info['info.state']) {
        case 'success':
          return { result: info['info.result'] };
        case 'error':
          throw taskFault(method, info['info.error']);
        default:
          return undefined;
      }
    },
    options,
  ).then(({ result }) => result);
}

function taskFault(method: string, error: VimObject<'LocalizedMethodFault'> | undefined): VimFault {
  const fault = error?.fault;
  return new VimFault(fault?._type ?? 'RuntimeFault', method, error?.localizedMessage ?? '', fault ?? {});
}
