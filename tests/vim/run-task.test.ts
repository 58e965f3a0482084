import { describe, expect, test } from '@jest/globals';
import { VimConnectionError, VimFault, VimProtocolError } from '../../src/errors/index.js';
import type { MoRef } from '../../src/vim/index.js';
import { runTask } from '../../src/vim/run-task.js';
import { failureOf } from './support/failure.js';
import { type Script, ScriptedSession } from './support/scripted-session.js';

const task: MoRef = { type: 'Task', value: 'task-1' };
const folder: MoRef = { type: 'Folder', value: 'group-v1' };
const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };

const info = (values: object) =>
  Object.entries(values).map(([name, val]: [string, unknown]) => ({ name, op: 'assign', val }));
const update = (values: object) => ({
  version: '1',
  filterSet: [{ filter: task, objectSet: [{ kind: 'enter', obj: task, changeSet: info(values) }] }],
});
const shown = (values: object) => ({ objects: [{ obj: task, propSet: info(values) }] });
const running = update({ 'info.state': 'running' });
const success = { 'info.state': 'success' };
const fault = { fault: { _type: 'NoDiskSpace', file: 'f', datastore: 'd' }, localizedMessage: 'full' };

const createVm = (session: ScriptedSession): Promise<unknown> => {
  session.script.CreateVM_Task = [task];
  return runTask(session, 'CreateVM_Task', folder, { config: {}, pool: folder });
};
const destroy = (session: ScriptedSession): Promise<unknown> => {
  session.script.Destroy_Task = [task];
  return runTask(session, 'Destroy_Task', vm, {});
};

describe('a task', () => {
  test('that shows its end before its result is read again', async () => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update(success)],
      RetrievePropertiesEx: [shown(success), shown({ ...success, 'info.result': vm })],
    });
    expect(await createVm(session)).toEqual(vm);
  });

  test('that shows its end before its error is read again', async () => {
    const error = { 'info.state': 'error' };
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update(error)],
      RetrievePropertiesEx: [shown({ ...error, 'info.error': fault })],
    });
    expect(await failureOf(destroy(session))).toMatchObject({ faultName: 'NoDiskSpace', method: 'Destroy_Task' });
  });

  test('that has no result is not read again', async () => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [update(success)] });
    expect(await destroy(session)).toBeUndefined();
    expect(session.named('RetrievePropertiesEx')).toHaveLength(0);
  });

  test('that never says what it made leaves its outcome unknown', async () => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update(success)],
      RetrievePropertiesEx: [shown(success)],
    });
    expect(await failureOf(createVm(session))).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
  });

  test('that never says why it failed has failed', async () => {
    const error = { 'info.state': 'error' };
    const session = new ScriptedSession({ WaitForUpdatesEx: [update(error)], RetrievePropertiesEx: [shown(error)] });
    expect(await failureOf(createVm(session))).toMatchObject({ faultName: 'RuntimeFault' });
  });

  test.each([
    ['is gone: not its object', new VimFault('ManagedObjectNotFound', '', '', { obj: task })],
    ['may not be read', new VimFault('NoPermission', '', '')],
    ['makes no sense', new VimProtocolError('?')],
    ['is out of reach', new VimConnectionError('closed', 'not-sent', { retryable: false })],
  ])('that %s leaves its outcome unknown', async (_name, answer) => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [answer] });
    expect(await failureOf(destroy(session))).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
  });

  test.each<[string, (abort: () => void) => Script]>([
    ['while it is being started', (abort) => ({ Destroy_Task: [() => (abort(), task)] })],
    ['while it runs', (abort) => ({ WaitForUpdatesEx: [() => (abort(), running), update(success)] })],
  ])('that the signal aborts %s is cancelled on the server, once', async (_name, script) => {
    const controller = new AbortController();
    const error = { ...fault, fault: { _type: 'RequestCanceled' } };
    const session = new ScriptedSession({
      Destroy_Task: [task],
      WaitForUpdatesEx: [running, update(success)],
      CancelTask: [
        () => {
          session.script.WaitForUpdatesEx = [update({ 'info.state': 'error', 'info.error': error })];
        },
      ],
      ...script(() => {
        controller.abort();
      }),
    });
    const work = runTask(session, 'Destroy_Task', vm, {}, { signal: controller.signal });
    expect(await failureOf(work)).toMatchObject({ code: 'ABORTED' });
    expect(session.named('CancelTask').map(({ target }) => target)).toEqual([task]);
  });
});
