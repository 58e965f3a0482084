import { describe, expect, test } from '@jest/globals';
import { VimFault } from '../../src/errors/index.js';
import type { MoRef } from '../../src/vim/index.js';
import { whenFree } from '../../src/vim/when-free.js';
import { ScriptedSession } from './support/scripted-session.js';

const task: MoRef = { type: 'Task', value: 'task-1' };
const locked = new VimFault('FileLocked', 'MoveVirtualDisk_Task', '', { file: 'f' });
const busy = new VimFault('TaskInProgress', 'ReconfigVM_Task', '', { task });
const soon = { tries: 4, firstDelayMs: 1, maxDelayMs: 4 };

/** A server on which a task, which was waited for, has ended. */
const serverWith = (descriptionId: string): ScriptedSession =>
  new ScriptedSession({
    RetrievePropertiesEx: Array.from({ length: soon.tries }, () => ({
      objects: [{ obj: task, propSet: [{ name: 'info.descriptionId', val: descriptionId }] }],
    })),
    WaitForUpdatesEx: Array.from({ length: soon.tries }, () => ({
      version: '1',
      filterSet: [
        {
          filter: { type: 'PropertyFilter', value: 'f' },
          objectSet: [{ kind: 'enter', obj: task, changeSet: [{ name: 'info.state', op: 'assign', val: 'success' }] }],
        },
      ],
    })),
  });

/** A change that is refused so often before it is made. */
function changeRefused(fault: Error, times: number) {
  const counts = { tried: 0 };
  const change = (): Promise<string> => (++counts.tried > times ? Promise.resolve('made') : Promise.reject(fault));
  return { change, counts };
}

describe('a change in whose way something stands', () => {
  test.each([
    ['a lock', locked],
    ['a task', busy],
  ])('is made once that is gone: %s', async (_what, fault) => {
    const { change, counts } = changeRefused(fault, 3);
    const vim = serverWith('VirtualMachine.relocate');
    expect(await whenFree(vim, change, { patience: soon })).toBe('made');
    expect(counts.tried).toBe(4);
  });

  test.each([
    ['a lock', locked],
    ['a task', busy],
  ])('fails with what the server says where that never goes: %s', async (_what, fault) => {
    const { change, counts } = changeRefused(fault, Infinity);
    const vim = serverWith('VirtualMachine.relocate');
    await expect(whenFree(vim, change, { patience: soon })).rejects.toBe(fault);
    expect(counts.tried).toBe(soon.tries);
  });

  test.each([
    ['a lease, which only its holder ends', busy],
    ['a task that the server does not name', new VimFault('TaskInProgress', 'ReconfigVM_Task', '')],
    ['something that waiting does not change', new VimFault('NoPermission', 'ReconfigVM_Task', '')],
  ])('does not wait for %s', async (_what, fault) => {
    const { change, counts } = changeRefused(fault, Infinity);
    const vim = serverWith('ResourcePool.ImportVAppLRO');
    await expect(whenFree(vim, change, { patience: soon })).rejects.toBe(fault);
    expect(counts.tried).toBe(1);
  });

  test('is given up at once where it is cancelled', async () => {
    const cancel = new AbortController();
    const { counts } = changeRefused(locked, Infinity);
    const change = (): Promise<never> => {
      counts.tried++;
      setImmediate(() => {
        cancel.abort();
      });
      return Promise.reject(locked);
    };
    const patience = { tries: 2, firstDelayMs: 2 ** 30, maxDelayMs: 2 ** 30 };
    await expect(whenFree(serverWith(''), change, { signal: cancel.signal, patience })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(counts.tried).toBe(1);
  });
});
