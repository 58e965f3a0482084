import { describe, expect, test } from '@jest/globals';
import { VimConnectionError, VimFault, VimProtocolError } from '../../src/errors/index.js';
import { settle } from '../../src/vim/settle.js';
import type { MoRef } from '../../src/vim/index.js';
import { ScriptedSession } from './support/scripted-session.js';

const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const task: MoRef = { type: 'Task', value: 'task-1' };
const replyLost = new VimConnectionError('the connection was reset', 'unknown');

const properties = (obj: MoRef, name: string, val: unknown) => ({ objects: [{ obj, propSet: [{ name, val }] }] });
const taskIs = (state: string, more: object = {}) => ({
  version: '1',
  filterSet: [
    {
      filter: { type: 'PropertyFilter', value: 'f' },
      objectSet: [
        {
          kind: 'enter',
          obj: task,
          changeSet: Object.entries({ 'info.state': state, ...more }).map(([name, val]) => ({
            name,
            op: 'assign',
            val,
          })),
        },
      ],
    },
  ],
});

/** A server that still works on the call whose reply was lost. */
function session(...updates: unknown[]): ScriptedSession {
  const info = {
    key: 'task-1',
    task,
    descriptionId: 'VirtualMachine.reconfigure',
    state: 'running',
    cancelled: false,
    cancelable: true,
    queueTime: '2026-01-01T00:00:00Z',
    eventChainId: 1,
  };
  return new ScriptedSession({
    RetrievePropertiesEx: [properties(vm, 'recentTask', [task]), properties(task, 'info', info)],
    WaitForUpdatesEx: updates,
  });
}

async function settled(vim: ScriptedSession, answer: string | undefined) {
  const counts = { made: 0, lookedUp: 0 };
  const outcome: unknown = await settle(vim, {
    make: () => {
      counts.made++;
      return Promise.reject(replyLost);
    },
    on: vm,
    lookUp: () => {
      counts.lookedUp++;
      return Promise.resolve(answer);
    },
  }).catch((error: unknown) => error);
  return { outcome, ...counts };
}

describe('a change whose reply was lost', () => {
  test('is looked up when the task that may be making it has ended, and not made again', async () => {
    const vim = session(taskIs('running'), taskIs('success'));
    expect(await settled(vim, 'made')).toEqual({ outcome: 'made', made: 1, lookedUp: 1 });
    expect(vim.named('WaitForUpdatesEx')).toHaveLength(2);
  });

  test('fails as it did where it was not made', async () => {
    const error = { fault: { _type: 'SystemError', reason: 'no' }, localizedMessage: 'no' };
    const vim = session(taskIs('error', { 'info.error': error }));
    expect(await settled(vim, undefined)).toEqual({ outcome: replyLost, made: 1, lookedUp: 1 });
  });

  test('is not looked up while its task may still run: the wait for it failed', async () => {
    const lost = new VimProtocolError('not XML');
    expect(await settled(session(lost), 'made')).toEqual({ outcome: lost, made: 1, lookedUp: 0 });
  });
});

test("a change that the server refused is not looked up: the refusal is the change's outcome", async () => {
  const refusal = new VimFault('InvalidState', 'ReconfigVM_Task', 'not now', {});
  const vim = new ScriptedSession({});
  const change = { make: () => Promise.reject(refusal), on: vm, lookUp: () => Promise.resolve('made') };
  await expect(settle(vim, change)).rejects.toBe(refusal);
  expect(vim.calls).toEqual([]);
});
