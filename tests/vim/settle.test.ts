import { describe, expect, test } from '@jest/globals';
import { VimConnectionError, VimFault, VimProtocolError } from '../../src/errors/index.js';
import type { MoRef } from '../../src/vim/index.js';
import { settle } from '../../src/vim/settle.js';
import { ScriptedSession } from './support/scripted-session.js';

const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const task: MoRef = { type: 'Task', value: 'task-1' };
const replyLost = new VimConnectionError('the connection was reset', 'unknown');

const shown = (obj: MoRef, values: object) => ({
  obj,
  propSet: Object.entries(values).map(([name, val]: [string, unknown]) => ({ name, val })),
});
const taskShown = (obj: MoRef, more: object = {}) =>
  shown(obj, {
    'info.state': 'running',
    'info.descriptionId': 'VirtualMachine.reconfigure',
    'info.queueTime': '2026-01-01T00:00:00Z',
    ...more,
  });
const taskIs = (state: string, more: object = {}, obj = task) => ({
  version: '1',
  filterSet: [
    {
      filter: { type: 'PropertyFilter', value: 'f' },
      objectSet: [
        {
          kind: 'enter',
          obj,
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
  return new ScriptedSession({
    RetrievePropertiesEx: [{ objects: [shown(vm, { recentTask: [task] })] }, { objects: [taskShown(task)] }],
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
    const vim = session(new VimProtocolError('not XML'));
    expect(await settled(vim, 'made')).toMatchObject({
      outcome: { code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' },
      made: 1,
      lookedUp: 0,
    });
  });

  test('is looked up where the server has forgotten the task: it ended long ago', async () => {
    const vim = session(new VimFault('ManagedObjectNotFound', '', '', { obj: task }));
    expect(await settled(vim, 'made')).toEqual({ outcome: 'made', made: 1, lookedUp: 1 });
  });
});

test("a change that the server refused is not looked up: the refusal is the change's outcome", async () => {
  const refusal = new VimFault('InvalidState', 'ReconfigVM_Task', 'not now', {});
  const vim = new ScriptedSession({});
  const change = { make: () => Promise.reject(refusal), on: vm, lookUp: () => Promise.resolve('made') };
  await expect(settle(vim, change)).rejects.toBe(refusal);
  expect(vim.calls).toEqual([]);
});

describe('on a task manager, which shows the tasks of everybody', () => {
  const manager: MoRef = { type: 'TaskManager', value: 'TaskManager' };
  const sessionManager: MoRef = { type: 'SessionManager', value: 'SessionManager' };
  const now = Date.parse('2026-01-01T12:00:00Z');
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const by = (userName: string) => ({ _type: 'TaskReasonUser', userName });
  const ofDisk = { 'info.descriptionId': 'VirtualDiskManager.moveVirtualDisk' };

  test.each([
    ['of another user', { ...ofDisk, 'info.reason': by('VSPHERE.LOCAL\\other'), 'info.queueTime': at(0) }],
    ['begun long before', { ...ofDisk, 'info.reason': by('VSPHERE.LOCAL\\backup'), 'info.queueTime': at(-60_000) }],
    ['on a VM', { 'info.descriptionId': 'VirtualMachine.clone', 'info.queueTime': at(0) }],
    ['that has ended', { ...ofDisk, 'info.state': 'success', 'info.queueTime': at(0) }],
  ])('a task %s is not waited for', async (_name, facts) => {
    const vim = managing({ theirs: facts });
    expect(await change(vim)).toBe('made');
    expect(vim.named('CreateFilter')).toHaveLength(0);
  });

  test.each([
    ['of this user, since the call', { 'info.reason': by('vsphere.local\\Backup'), 'info.queueTime': at(0) }],
    ['of nobody named, at no time that can be read', { 'info.queueTime': 'soon' }],
  ])('a task %s is', async (_name, facts) => {
    const vim = managing({ ours: { ...ofDisk, ...facts } });
    expect(await change(vim)).toBe('made');
    expect(vim.named('CreateFilter')).toMatchObject([{ args: { spec: { objectSet: [{ obj: { value: 'ours' } }] } } }]);
  });

  test('a task that may not be read is somebody else’s', async () => {
    const vim = managing({});
    const fault = { fault: { _type: 'NoPermission', privilegeId: 'System.Read' } };
    const hidden = { obj: { type: 'Task', value: 'hidden' }, missingSet: [{ path: 'info.state', fault }] };
    vim.script.RetrievePropertiesEx = [
      { objects: [shown(manager, { recentTask: [hidden.obj] })] },
      { objects: [hidden] },
    ];
    expect(await change(vim)).toBe('made');
  });

  function managing(tasks: Record<string, object>): ScriptedSession {
    const refs = Object.keys(tasks).map((value) => ({ type: 'Task', value }));
    const currentSession = {
      key: 'k',
      userName: 'VSPHERE.LOCAL\\backup',
      fullName: '',
      loginTime: at(0),
      lastActiveTime: at(0),
      locale: 'en',
      messageLocale: 'en',
    };
    const vim = new ScriptedSession({
      RetrievePropertiesEx: [
        { objects: [shown(manager, { recentTask: refs })] },
        { objects: refs.map((ref) => taskShown(ref, tasks[ref.value])) },
        { objects: [shown(sessionManager, { currentSession })] },
      ],
      CurrentTime: [at(0)],
      WaitForUpdatesEx: refs.map((ref) => taskIs('success', {}, ref)),
    });
    Object.assign(vim.serviceContent, { sessionManager });
    return vim;
  }

  const change = (vim: ScriptedSession): Promise<string> =>
    settle(vim, { make: () => Promise.reject(replyLost), on: manager, lookUp: () => Promise.resolve('made') });
});
