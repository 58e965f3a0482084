import { AbortError, isVimFault, throwIfAborted, VimConnectionError, VimFault } from '../errors/index.js';
import { readProperties } from './property-collector.js';
import {
  type MethodArgs,
  type MethodDefinition,
  type MethodName,
  methods,
  type MoRef,
  type PropertiesOf,
  type VimObject,
} from './schema/index.js';
import { type Backoff, waitBeforeRetry } from './session/backoff.js';
import type { AbortableOptions, VimSession } from './vim-session.js';
import { waitForProperties } from './wait-for-updates.js';

/** How often a task that has ended is read for what it ended with. */
const rereads: Backoff = { tries: 5, firstDelayMs: 50, maxDelayMs: 1_000 };

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
 * @throws VimConnectionError with outcome `unknown` where the server went away, or forgot the task, after it was started
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
  // It may have been aborted while the call was on its way: that event is over.
  if (signal?.aborted === true) cancel();
  try {
    return await taskResult(vim, task, method);
  } catch (error) {
    if (signal?.aborted === true && isVimFault(error, 'RequestCanceled')) throw new AbortError(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/**
 * Waits for a task's end, whoever started it.
 *
 * @throws VimFault where the task ended in error
 * @throws VimConnectionError with outcome `unknown` where it cannot be told how the task ended: the server went away,
 *   cannot be understood, or has forgotten the task
 * @throws AbortError
 */
export async function taskResult(
  vim: VimSession,
  task: MoRef,
  method: string,
  { signal }: AbortableOptions = {},
): Promise<unknown> {
  let end: TaskEnd;
  try {
    end = await endOf(vim, task, method, signal);
  } catch (error) {
    if (error instanceof AbortError) throw error;
    // Whatever became of the wait, the task itself was started. A fault here is one of looking, not the task's own.
    throw new VimConnectionError(`${method}: it is not known how its task ended: ${messageOf(error)}`, 'unknown', {
      cause: error,
      retryable: error instanceof VimConnectionError && error.retryable,
    });
  }
  if (isPartial(end, method) && end['info.state'] === 'success') {
    throw new VimConnectionError(`${method}: its task succeeded without saying what it made`, 'unknown');
  }
  if (end['info.state'] === 'error') throw taskFault(method, end['info.error']);
  return end['info.result'];
}

const endProperties = ['info.state', 'info.error', 'info.result'] as const;
type TaskEnd = PropertiesOf<'Task', (typeof endProperties)[number]>;

async function endOf(vim: VimSession, task: MoRef, method: string, signal: AbortSignal | undefined): Promise<TaskEnd> {
  let end = await waitForProperties(
    vim,
    task,
    'Task',
    endProperties,
    (info) => (info['info.state'] === 'success' || info['info.state'] === 'error' ? info : undefined),
    { signal },
  );
  // A server may show a task's end before what it ended with.
  for (let reads = 1; isPartial(end, method) && reads < rereads.tries; reads++) {
    await waitBeforeRetry(rereads, reads, signal);
    end = await readProperties(vim, task, 'Task', endProperties, { signal });
  }
  return end;
}

function isPartial(end: TaskEnd, method: string): boolean {
  if (end['info.state'] === 'error') return end['info.error'] === undefined;
  return hasResult(method) && end['info.result'] === undefined;
}

function hasResult(method: string): boolean {
  const definitions: Readonly<Record<string, MethodDefinition>> = methods;
  return Object.hasOwn(definitions, method) && definitions[method]?.taskResult !== undefined;
}

function taskFault(method: string, error: VimObject<'LocalizedMethodFault'> | undefined): VimFault {
  const fault = error?.fault;
  return new VimFault(fault?._type ?? 'RuntimeFault', method, error?.localizedMessage ?? '', fault ?? {});
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
