import { describe, expect, test } from '@jest/globals';
import { AbortError, VimConnectionError, VimFault } from '../../src/errors/index.js';
import { type MoRef, type PropertiesOf, waitForProperties } from '../../src/vim/index.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { failureOf } from './support/failure.js';
import { type Script, type ScriptedCall, ScriptedSession } from './support/scripted-session.js';

const task: MoRef = { type: 'Task', value: 'task-1' };
/** CPU time of the main thread in a turn, at most, in milliseconds. */
const turnMs = 50;
const paths = ['info.state', 'info.result'] as const;
type Info = PropertiesOf<'Task', (typeof paths)[number]>;
const ended = (info: Info): string | undefined => (info['info.state'] === 'success' ? 'done' : undefined);

let versions = 0;
const update = (changes: Record<string, unknown>, more: object = {}): object => ({
  version: String(++versions),
  filterSet: [
    {
      filter: { type: 'PropertyFilter', value: 'f' },
      objectSet: [
        {
          kind: 'modify',
          obj: task,
          changeSet: Object.entries(changes).map(([name, val]) => ({ name, op: 'assign', val })),
        },
      ],
    },
  ],
  ...more,
});

/** An answer to reading the task. */
const shown = (state: string): object => ({
  objects: [{ obj: task, propSet: [{ name: 'info.state', val: state }] }],
});

const wait = (session: ScriptedSession, signal?: AbortSignal): Promise<string> =>
  waitForProperties(session, task, 'Task', paths, ended, { signal });

describe('waitForProperties', () => {
  test('watches with a collector of its own until the condition holds', async () => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [
        update({ 'info.state': 'queued' }),
        update({ 'info.state': 'running' }),
        update({ 'info.state': 'success', 'info.result': 7 }),
      ],
    });
    expect(await wait(session)).toBe('done');
    const own = { type: 'PropertyCollector', value: 'session[1]1' };
    expect(session.calls.map(({ method, target }) => [method, target.value])).toEqual([
      ['CreatePropertyCollector', 'propertyCollector'],
      ['CreateFilter', own.value],
      ...Array<unknown>(3).fill(['WaitForUpdatesEx', own.value]),
    ]);
    const asked = session.named('WaitForUpdatesEx').map(({ args }) => args as { version: string; options: object });
    const first = versions - 2;
    expect(asked.map(({ version }) => version)).toEqual(['', `${first}`, `${first + 1}`]);
    expect(asked[0]!.options).toEqual({ maxWaitSeconds: 60 });
    expect(session.named('CreateFilter')[0]!.args).toMatchObject({
      spec: { propSet: [{ type: 'Task', pathSet: paths }], objectSet: [{ obj: task }] },
      partialUpdates: false,
    });
  });

  test('keeps what did not change', async () => {
    const seen: Info[] = [];
    const session = new ScriptedSession({
      WaitForUpdatesEx: [
        update({ 'info.state': 'running', 'info.result': { a: 1 } }),
        update({ 'info.state': 'queued' }),
        update({ 'info.result': undefined }),
        update({ 'info.state': 'success', 'info.other': 1 }),
      ],
    });
    await waitForProperties(session, task, 'Task', paths, (info) => {
      seen.push(info);
      return ended(info);
    });
    expect(seen).toEqual([
      { 'info.state': 'running', 'info.result': { a: 1 } },
      { 'info.state': 'queued', 'info.result': { a: 1 } },
      { 'info.state': 'queued' },
      { 'info.state': 'success' },
    ]);
  });

  test.each<[string, object]>([
    ['half an update', update({ 'info.state': 'success' }, { truncated: true })],
    ['half of nothing, of which there is always more', { version: '1', filterSet: [], truncated: true }],
  ])('does not judge %s, but looks for itself, with a pause', async (_what, half) => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [half, half, update({ 'info.state': 'success' })],
      RetrievePropertiesEx: [shown('running')],
    });
    const begunAt = performance.now();
    expect(await wait(session)).toBe('done');
    expect(session.named('RetrievePropertiesEx')).toHaveLength(2);
    expect(session.named('WaitForUpdatesEx')).toHaveLength(3);
    expect(performance.now() - begunAt).toBeGreaterThan(100);
  });

  test.each<[string, object]>([
    ['an element of it', { 'info.result[4]': 1 }],
    ['a part of it', { 'info.result.a': 2 }],
    ['what it is a part of', { info: { _type: 'TaskInfo', state: 'running' } }],
    ['a part of it, very deep', { [`info.result${'.a'.repeat(20_000)}`]: 1 }],
    ['200,000 parts of it', Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`info.result.f${n}`, n]))],
  ])('reads anew what changed: %s', async (_what, changes) => {
    const changed = update({ ...changes });
    const waiting = () =>
      wait(new ScriptedSession({ WaitForUpdatesEx: [changed], RetrievePropertiesEx: [shown('success')] }));
    const { result, cpuMs } = await longestTurnOfBest(turnMs, waiting);
    expect(result).toBe('done');
    expect(cpuMs).toBeLessThan(turnMs);
  });

  const repeated = { name: 'info.state', op: 'assign', val: 'success' };
  const lost = { path: 'info.state', fault: { fault: { _type: 'ManagedObjectNotFound', obj: task } } };
  test.each<[string, object]>([
    ['changes', { changeSet: Array.from({ length: 200_000 }, () => repeated) }],
    ['properties that are gone', { missingSet: Array.from({ length: 100_000 }, () => lost) }],
  ])('is not held up by an update of very many %s', async (_what, sets) => {
    const many = {
      version: '1',
      filterSet: [{ filter: task, objectSet: [{ kind: 'enter', obj: task, ...sets }] }],
    };
    const waiting = () =>
      wait(new ScriptedSession({ WaitForUpdatesEx: [many], RetrievePropertiesEx: [shown('success')] }));
    const { result, cpuMs } = await longestTurnOfBest(turnMs, waiting);
    expect(result).toBe('done');
    expect(cpuMs).toBeLessThan(turnMs);
  });

  test('a condition of its own throws through, whatever it throws', async () => {
    for (const error of [
      new Error('mine'),
      new VimFault('ManagedObjectNotFound', 'Rename_Task', '', { obj: { type: 'VirtualMachine', value: 'vm-1' } }),
      new VimFault('NotAuthenticated', 'Rename_Task', ''),
      new VimConnectionError('mine too', 'unknown'),
    ]) {
      const session = new ScriptedSession({ WaitForUpdatesEx: [update({ 'info.state': 'error' })] });
      const work = waitForProperties(session, task, 'Task', paths, () => {
        throw error;
      });
      expect(await failureOf(work)).toBe(error);
      expect(session.named('CreatePropertyCollector')).toHaveLength(1);
    }
  });

  test('a falsy result is a result', async () => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [update({ 'info.state': 'success' })] });
    expect(await waitForProperties(session, task, 'Task', paths, () => false)).toBe(false);
  });

  test.each([
    [
      'its collector went with the old login',
      new VimFault('ManagedObjectNotFound', 'W', '', { obj: { type: 'PropertyCollector', value: 'session[1]1' } }),
    ],
    ['something is gone, without saying what', new VimFault('ManagedObjectNotFound', 'W', '')],
    ['the version is not known', new VimFault('InvalidCollectorVersion', 'W', '')],
    ['the login expired', new VimFault('NotAuthenticated', 'W', '')],
    ['the connection was lost', new VimConnectionError('reset', 'unknown')],
  ])('goes on with a new collector from the beginning where %s', async (_name, loss) => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update({ 'info.state': 'running' }), loss, update({ 'info.state': 'success' })],
    });
    expect(await wait(session)).toBe('done');
    expect(
      session
        .named('WaitForUpdatesEx')
        .map(({ target, args }) => [target.value, (args as { version: string }).version]),
    ).toEqual([
      ['session[1]1', ''],
      ['session[1]1', String(versions - 1)],
      ['session[1]2', ''],
    ]);
    expect(session.named('CreateFilter')).toHaveLength(2);
    expect(session.named('DestroyPropertyCollector')).toHaveLength(1);
  });

  const left = { version: '1', filterSet: [{ filter: task, objectSet: [{ kind: 'leave', obj: task }] }] };
  const gone = new VimFault('ManagedObjectNotFound', '', '', { obj: task });
  test.each<[string, Script]>([
    ['the filter says so', { CreateFilter: [gone] }],
    [
      'the filter says that something is, and a look that it is this',
      { CreateFilter: [new VimFault('ManagedObjectNotFound', '', '')], RetrievePropertiesEx: [gone] },
    ],
    ['an update says that it left, and a look why', { WaitForUpdatesEx: [left], RetrievePropertiesEx: [gone] }],
  ])('an object that is gone ends it: %s', async (_name, script) => {
    const session = new ScriptedSession(script);
    expect(await failureOf(wait(session))).toMatchObject({
      code: 'VIM_FAULT',
      faultName: 'ManagedObjectNotFound',
      detail: { obj: task },
    });
    expect(session.named('CreatePropertyCollector')).toHaveLength(1);
    expect(session.named('DestroyPropertyCollector')).toHaveLength(1);
  });

  test('an object that left the view and is still there is not gone', async () => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [left], RetrievePropertiesEx: [shown('success')] });
    expect(await wait(session)).toBe('done');
  });

  test('an update of nothing before its time makes it look for itself', async () => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update({ 'info.state': 'running' }), undefined],
      RetrievePropertiesEx: [shown('running'), shown('success')],
    });
    expect(await wait(session)).toBe('done');
    expect(session.named('RetrievePropertiesEx')).toHaveLength(2);
  });

  test('waits that follow each other share a collector, for a while', async () => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [update({ 'info.state': 'success' })] });
    for (let waits = 1; waits <= 17; waits++) await wait(session);
    expect(session.named('CreatePropertyCollector')).toHaveLength(2);
    expect(session.named('DestroyPropertyCollector')).toHaveLength(1);
    expect(session.named('CreateFilter')).toHaveLength(17);
  });

  test('waits at the same time have a collector each', async () => {
    const session = new ScriptedSession({ WaitForUpdatesEx: [update({ 'info.state': 'success' })] });
    await Promise.all([wait(session), wait(session)]);
    expect(new Set(session.named('WaitForUpdatesEx').map(({ target }) => target.value)).size).toBe(2);
    await wait(session);
    expect(session.named('CreatePropertyCollector')).toHaveLength(2);
  });

  test('a shared collector that went with its login is replaced at once', async () => {
    const stale = new VimFault('ManagedObjectNotFound', '', '', {
      obj: { type: 'PropertyCollector', value: 'session[1]1' },
    });
    const filter = { type: 'PropertyFilter', value: 'f' };
    const session = new ScriptedSession({
      WaitForUpdatesEx: [update({ 'info.state': 'success' })],
      CreateFilter: [filter, stale, filter],
    });
    await wait(session);
    expect(await wait(session)).toBe('done');
    expect(session.named('WaitForUpdatesEx').map(({ target }) => target.value)).toEqual(['session[1]1', 'session[1]2']);
  });

  test('a property that may not be read is that fault', async () => {
    const missingSet = [
      { path: 'info.state', fault: { fault: { _type: 'NoPermission', privilegeId: 'System.Read' } } },
    ];
    const session = new ScriptedSession({
      WaitForUpdatesEx: [
        { version: '1', filterSet: [{ filter: task, objectSet: [{ kind: 'enter', obj: task, missingSet }] }] },
      ],
    });
    expect(await failureOf(wait(session))).toMatchObject({ faultName: 'NoPermission' });
  });

  test('an update of another object is not its own', async () => {
    const other = { type: 'Task', value: 'task-2' };
    const session = new ScriptedSession({
      WaitForUpdatesEx: [
        {
          version: '1',
          filterSet: [
            {
              filter: task,
              objectSet: [
                { kind: 'enter', obj: other, changeSet: [{ name: 'info.state', op: 'assign', val: 'success' }] },
              ],
            },
          ],
        },
        update({ 'info.state': 'success' }),
      ],
      RetrievePropertiesEx: [shown('running')],
    });
    expect(await wait(session)).toBe('done');
    expect(session.named('WaitForUpdatesEx')).toHaveLength(2);
  });

  test('a session that was disconnected is not waited for', async () => {
    const closed = new VimConnectionError('disconnected', 'unknown', { retryable: false });
    const session = new ScriptedSession({ WaitForUpdatesEx: [closed] });
    expect(await failureOf(wait(session))).toBe(closed);
  });

  test('abort ends the poll and the pause before another try; the collector is destroyed all the same', async () => {
    const controller = new AbortController();
    const session = new ScriptedSession({
      WaitForUpdatesEx: [
        ({ signal }: ScriptedCall) =>
          new Promise((_resolve, reject) => {
            signal!.addEventListener('abort', () => reject(new AbortError(signal!)));
            setTimeout(() => controller.abort(), 10);
          }),
      ],
    });
    expect(await failureOf(wait(session, controller.signal))).toMatchObject({ code: 'ABORTED' });
    expect(session.named('DestroyPropertyCollector')).toHaveLength(1);
    expect(session.named('DestroyPropertyCollector')[0]!.signal).not.toBe(controller.signal);

    const inPause = new AbortController();
    const pausing = new ScriptedSession({
      WaitForUpdatesEx: [
        () => {
          setTimeout(() => inPause.abort(), 10);
          return Promise.reject(new VimConnectionError('reset', 'unknown'));
        },
      ],
    });
    expect(await failureOf(wait(pausing, inPause.signal))).toMatchObject({ code: 'ABORTED' });
    // The pause before the next try was cut short: there was none.
    expect(pausing.named('WaitForUpdatesEx')).toHaveLength(1);
    const before = new ScriptedSession({});
    expect(await failureOf(wait(before, AbortSignal.abort()))).toMatchObject({ code: 'ABORTED' });
    expect(before.calls).toHaveLength(0);
  });

  test('a failure to destroy the collector does not matter', async () => {
    const session = new ScriptedSession({
      WaitForUpdatesEx: [new VimConnectionError('reset', 'unknown'), update({ 'info.state': 'success' })],
      DestroyPropertyCollector: [new VimConnectionError('reset', 'unknown')],
    });
    expect(await wait(session)).toBe('done');
  });
});
