import { describe, expect, test } from '@jest/globals';
import { VimConnectionError, VimFault } from '../../src/errors/index.js';
import { rememberSecrets } from '../../src/errors/known-secrets.js';
import {
  collectProperties,
  type MethodArgs,
  type MoRef,
  readProperties,
  readPropertiesOfEach,
  readPropertiesOfMany,
  type UnreadableObject,
} from '../../src/vim/index.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { failureOf } from './support/failure.js';
import { type ScriptedCall, ScriptedSession } from './support/scripted-session.js';

/** CPU time of the main thread in a turn, at most, in milliseconds. */
const turnMs = 50;
const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const folders: MoRef = { type: 'Folder', value: 'group-v3' };
const gone = { fault: { _type: 'ManagedObjectNotFound', obj: vm } };

const noSession = { fault: { _type: 'NotAuthenticated', object: folders, privilegeId: 'System.Read' } };

const named = (value: string): object => ({
  obj: { type: 'VirtualMachine', value },
  propSet: [{ name: 'name', val: `name of ${value}` }],
});

/** The ids of the objects a read asks for by reference. */
const askedFor = ({ args }: ScriptedCall): string[] =>
  (args as MethodArgs<'RetrievePropertiesEx'>).specSet.flatMap(({ objectSet }) =>
    objectSet.map(({ obj }) => obj.value),
  );

const answerForAsked = (call: ScriptedCall): object => ({ objects: askedFor(call).map(named) });

describe('readProperties', () => {
  test('asks for what is wanted, and types it as declared', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        {
          objects: [
            {
              obj: vm,
              propSet: [
                { name: 'name', val: 42 },
                { name: 'config.extraConfig', val: { OptionValue: { key: 'k', value: 'v' } } },
                {
                  name: 'config.hardware.device',
                  val: [{ _type: 'VirtualIDEController', key: '200', busNumber: '0' }],
                },
              ],
            },
          ],
        },
      ],
    });
    const { signal } = new AbortController();
    const paths = ['name', 'config.extraConfig', 'config.hardware.device', 'snapshot'] as const;
    expect(await readProperties(session, vm, 'VirtualMachine', paths, { signal })).toEqual({
      name: '42',
      'config.extraConfig': [{ key: 'k', value: 'v' }],
      'config.hardware.device': [{ _type: 'VirtualIDEController', key: 200, busNumber: 0 }],
    });
    expect(session.calls).toEqual([
      {
        method: 'RetrievePropertiesEx',
        target: session.serviceContent.propertyCollector,
        args: {
          specSet: [{ propSet: [{ type: 'VirtualMachine', all: false, pathSet: paths }], objectSet: [{ obj: vm }] }],
          options: {},
        },
        signal,
      },
    ]);
  });

  test('a property that may not be read is that fault', async () => {
    const fault = { _type: 'NoPermission', object: folders, privilegeId: 'System.Read' };
    const session = new ScriptedSession({
      RetrievePropertiesEx: [{ objects: [{ obj: vm, missingSet: [{ path: 'name', fault: { fault } }] }] }],
    });
    expect(await failureOf(readProperties(session, vm, 'VirtualMachine', ['name']))).toMatchObject({
      code: 'VIM_FAULT',
      faultName: 'NoPermission',
      detail: { privilegeId: 'System.Read' },
    });
  });

  describe.each([
    [undefined],
    [{ objects: [] }],
    [{ objects: [named('vm-9')] }],
    [{ objects: [{ obj: vm, missingSet: [{ path: 'name', fault: noSession }] }] }],
  ])('an answer %j', (answer) => {
    test('that another look mends: the session is used in between, which renews it', async () => {
      const session = new ScriptedSession({ RetrievePropertiesEx: [answer, { objects: [named('vm-1')] }] });
      const { name } = await readProperties(session, vm, 'VirtualMachine', ['name']);
      expect(name).toBe('name of vm-1');
      expect(session.calls.map(({ method }) => method)).toEqual([
        'RetrievePropertiesEx',
        'CurrentTime',
        'RetrievePropertiesEx',
      ]);
    });

    test('that stays: nobody knows whether the object exists', async () => {
      const session = new ScriptedSession({ RetrievePropertiesEx: [answer] });
      const error = await failureOf(readProperties(session, vm, 'VirtualMachine', ['name']));
      expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown', retryable: true });
      expect(error.message).toContain('VirtualMachine vm-1: it is not known whether it exists');
    });
  });

  test('an object is gone that the server says is gone', async () => {
    const missing = { objects: [{ obj: vm, missingSet: [{ path: 'name', fault: gone }] }] };
    for (const answer of [missing, new VimFault('ManagedObjectNotFound', '', '', { obj: vm })]) {
      const session = new ScriptedSession({ RetrievePropertiesEx: [answer] });
      const error = await failureOf(readProperties(session, vm, 'VirtualMachine', ['name']));
      expect(error).toMatchObject({ faultName: 'ManagedObjectNotFound', detail: { obj: vm } });
    }
  });

  test('that something else is gone does not say so of the object', async () => {
    const fault = { _type: 'ManagedObjectNotFound', obj: folders };
    const missing = { objects: [{ obj: vm, missingSet: [{ path: 'name', fault: { fault } }] }] };
    for (const answer of [missing, new VimFault('ManagedObjectNotFound', '', '', { obj: folders })]) {
      const session = new ScriptedSession({ RetrievePropertiesEx: [answer] });
      const error = await failureOf(readProperties(session, vm, 'VirtualMachine', ['name']));
      expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
    }
  });

  test('a property that is never unset must be there', async () => {
    const session = new ScriptedSession({ RetrievePropertiesEx: [{ objects: [{ obj: vm }] }] });
    const error = await failureOf(readProperties(session, vm, 'VirtualMachine', ['snapshot', 'name']));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL', message: 'VirtualMachine.name: missing' });
  });
});

describe('readPropertiesOfMany', () => {
  const refs = ['vm-1', 'vm-2', 'vm-3'].map((value) => ({ type: 'VirtualMachine', value }));

  test('reads page after page', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [{ token: 'a', objects: [named('vm-1')] }],
      ContinueRetrievePropertiesEx: [{ token: 'b', objects: [named('vm-2')] }, { objects: [named('vm-3')] }],
    });
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name'], { maxObjects: 3 });
    expect(found).toEqual(refs.map((ref) => ({ ref, properties: { name: `name of ${ref.value}` } })));
    expect(session.named('ContinueRetrievePropertiesEx').map(({ args }) => args)).toEqual([
      { token: 'a' },
      { token: 'b' },
    ]);
    expect(session.named('RetrievePropertiesEx')[0]!.args).toMatchObject({ options: { maxObjects: 3 } });
    expect(session.named('CancelRetrievePropertiesEx')).toHaveLength(0);
  });

  test('asks for so many at a time, for each once', async () => {
    const session = new ScriptedSession({ RetrievePropertiesEx: [answerForAsked] });
    const found = await readPropertiesOfMany(session, [...refs, ...refs], 'VirtualMachine', ['name'], {
      maxObjects: 2,
    });
    expect(found.map(({ ref }) => ref.value)).toEqual(['vm-1', 'vm-2', 'vm-3']);
    expect(session.named('RetrievePropertiesEx').map(askedFor)).toEqual([['vm-1', 'vm-2'], ['vm-3']]);
  });

  test('what the server kept silent about is asked for again, and then not taken for gone', async () => {
    const mended = new ScriptedSession({ RetrievePropertiesEx: [{ objects: [named('vm-2')] }, answerForAsked] });
    expect(await readPropertiesOfMany(mended, refs, 'VirtualMachine', ['name'])).toHaveLength(3);
    expect(mended.named('RetrievePropertiesEx').map(askedFor)[1]).toEqual(['vm-1', 'vm-3']);

    const silent = new ScriptedSession({ RetrievePropertiesEx: [{ objects: [named('vm-2')] }] });
    expect(await failureOf(readPropertiesOfMany(silent, refs, 'VirtualMachine', ['name']))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
    });
  });

  test('leaves out what is gone, as the server says it', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        { objects: [{ obj: refs[0], missingSet: [{ path: 'name', fault: gone }] }, named('vm-2'), named('vm-3')] },
      ],
    });
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name']);
    expect(found.map(({ ref }) => ref.value)).toEqual(['vm-2', 'vm-3']);
    expect(session.named('RetrievePropertiesEx')[0]!.args).toMatchObject({
      specSet: [{ reportMissingObjectsInResults: true }],
    });
  });

  test('what the server leaves out it must say to be gone', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        { objects: [named('vm-3')] },
        new VimFault('ManagedObjectNotFound', '', '', { obj: refs[0] }),
        new VimFault('ManagedObjectNotFound', '', '', { obj: refs[1] }),
      ],
    });
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name']);
    expect(found.map(({ ref }) => ref.value)).toEqual(['vm-3']);
    const reported = session
      .named('RetrievePropertiesEx')
      .map(({ args }) => (args as MethodArgs<'RetrievePropertiesEx'>).specSet[0]!.reportMissingObjectsInResults);
    expect(reported).toEqual([true, false, false]);
  });

  test('leaves out what is gone, where the server refuses the whole for it', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        new VimFault('ManagedObjectNotFound', 'RetrievePropertiesEx', '', { obj: refs[1] }),
        { objects: [named('vm-1'), named('vm-3')] },
      ],
    });
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name']);
    expect(found.map(({ ref }) => ref.value)).toEqual(['vm-1', 'vm-3']);
  });

  test('a fault of something else is no reason to go on', async () => {
    const collectorGone = new VimFault('ManagedObjectNotFound', 'RetrievePropertiesEx', '', { obj: folders });
    const session = new ScriptedSession({ RetrievePropertiesEx: [collectorGone] });
    expect(await failureOf(readPropertiesOfMany(session, refs, 'VirtualMachine', ['name']))).toBe(collectorGone);
  });

  test('of nothing asks nothing', async () => {
    const session = new ScriptedSession({});
    expect(await readPropertiesOfMany(session, [], 'VirtualMachine', ['name'])).toEqual([]);
    expect(session.calls).toEqual([]);
  });
});

describe('readPropertiesOfEach', () => {
  const refs = ['vm-1', 'vm-2', 'vm-3', 'vm-4', 'vm-5'].map((value) => ({ type: 'VirtualMachine', value }));
  const noPermission = { fault: { _type: 'NoPermission', privilegeId: 'System.Read' } };

  test('is not held up by very many that may not be read, nor by the secrets that are known', async () => {
    rememberSecrets(...Array.from({ length: 1_000 }, (_, n) => `a ticket that nobody says, ${n}`));
    const many = Array.from({ length: 500 }, (_, n) => ({ type: 'VirtualMachine', value: `vm-${n}` }));
    const missingSet = ['name', 'layout.disk'].map((path) => ({ path, fault: noPermission }));
    const session = new ScriptedSession({
      RetrievePropertiesEx: [{ objects: many.map((obj) => ({ obj, missingSet })) }],
    });
    const read = () =>
      readPropertiesOfEach(session, many, 'VirtualMachine', ['name', 'layout.disk'], { maxObjects: 500 });
    const { result, cpuMs } = await longestTurnOfBest(turnMs, read);
    expect(result.unreadable).toHaveLength(500);
    expect(cpuMs).toBeLessThan(turnMs);
  });

  test('tells what is gone, what may not be read, what makes no sense and what nobody speaks of', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        {
          objects: [
            { obj: refs[0], missingSet: [{ path: 'name', fault: gone }] },
            { obj: refs[1], missingSet: [{ path: 'name', fault: noPermission }] },
            named('vm-3'),
            { obj: refs[3], propSet: [{ name: 'name', val: { a: 1 } }] },
          ],
        },
        { objects: [] },
      ],
    });
    const { found, gone: lost, unreadable } = await readPropertiesOfEach(session, refs, 'VirtualMachine', ['name']);
    expect(found).toEqual([{ ref: refs[2], properties: { name: 'name of vm-3' } }]);
    expect(lost).toEqual([refs[0]]);
    expect(unreadable).toMatchObject([
      { ref: refs[1], error: { faultName: 'NoPermission' } },
      { ref: refs[3], error: { code: 'VIM_PROTOCOL' } },
      { ref: refs[4], error: { code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' } },
    ]);
  });

  test('what a session that has ended may not read is read again, by a session that is used in between', async () => {
    const ended = { objects: refs.map((obj) => ({ obj, missingSet: [{ path: 'name', fault: noSession }] })) };
    const session = new ScriptedSession({ RetrievePropertiesEx: [ended, ended, answerForAsked] });
    const { found, unreadable } = await readPropertiesOfEach(session, refs, 'VirtualMachine', ['name']);
    expect(unreadable).toEqual([]);
    expect(found).toHaveLength(5);
    expect(session.named('CurrentTime')).toHaveLength(1);

    const never = new ScriptedSession({ RetrievePropertiesEx: [ended] });
    const each = await readPropertiesOfEach(never, refs.slice(0, 1), 'VirtualMachine', ['name']);
    expect(each.unreadable).toMatchObject([{ error: { code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' } }]);
  });

  test('the same where the server refuses the whole for one', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        new VimFault('NoPermission', '', '', { object: refs[1] }),
        new VimFault('ManagedObjectNotFound', '', '', { obj: refs[4] }),
        answerForAsked,
      ],
    });
    const each = await readPropertiesOfEach(session, refs, 'VirtualMachine', ['name']);
    expect(each.found.map(({ ref }) => ref.value)).toEqual(['vm-1', 'vm-3', 'vm-4']);
    expect(each.gone).toEqual([refs[4]]);
    expect(each.unreadable).toMatchObject([{ ref: refs[1], error: { faultName: 'NoPermission' } }]);
  });

  test('the same where it does not even say for which', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        (call: ScriptedCall) => {
          const asked = askedFor(call);
          if (asked.includes('vm-2')) throw new VimFault('ManagedObjectNotFound', '', '');
          return answerForAsked(call);
        },
      ],
    });
    const each = await readPropertiesOfEach(session, refs, 'VirtualMachine', ['name']);
    expect(each.found).toHaveLength(4);
    expect(each.gone).toEqual([refs[1]]);
  });
});

describe('collectProperties', () => {
  const traversal = {
    from: folders,
    selectSet: [{ _type: 'TraversalSpec', type: 'Folder', path: 'childEntity' }] as const,
  };
  const pages = (): ScriptedSession =>
    new ScriptedSession({
      RetrievePropertiesEx: [{ token: 'a', objects: [named('vm-1'), named('vm-2')] }],
      ContinueRetrievePropertiesEx: [{ objects: [named('vm-3')] }],
    });

  const collectAll = async (session: ScriptedSession): Promise<void> => {
    const objects = collectProperties(session, traversal, 'VirtualMachine', ['name']);
    while ((await objects.next()).done !== true);
  };

  test('yields what the traversal reaches', async () => {
    const session = pages();
    const seen: string[] = [];
    for await (const { properties } of collectProperties(session, traversal, 'VirtualMachine', ['name'])) {
      seen.push(properties.name);
    }
    expect(seen).toEqual(['name of vm-1', 'name of vm-2', 'name of vm-3']);
    expect(session.named('RetrievePropertiesEx')[0]!.args).toMatchObject({
      specSet: [{ objectSet: [{ obj: folders, skip: true, selectSet: traversal.selectSet }] }],
      options: { maxObjects: 100 },
    });
  });

  test.each([
    ['nothing but that there is no session', [{ obj: folders, missingSet: [{ path: 'name', fault: noSession }] }]],
    ['nothing but where it begins', [{ obj: folders, missingSet: [] }]],
  ])(
    '%s is not an empty inventory: it is looked at again, by a session that is used in between',
    async (_, objects) => {
      const session = new ScriptedSession({ RetrievePropertiesEx: [{ objects }, { objects: [named('vm-1')] }] });
      const seen: string[] = [];
      const onUnreadable = ({ error }: UnreadableObject): void => void seen.push(String(error));
      for await (const { ref } of collectProperties(session, traversal, 'VirtualMachine', ['name'], { onUnreadable })) {
        seen.push(ref.value);
      }
      expect(seen).toEqual(['vm-1']);
      expect(session.calls.map(({ method }) => method)).toContain('CurrentTime');
    },
  );

  test('leaving early cancels the rest, without the signal', async () => {
    const session = pages();
    const { signal } = new AbortController();
    for await (const { ref } of collectProperties(session, traversal, 'VirtualMachine', ['name'], { signal })) {
      expect(ref.value).toBe('vm-1');
      break;
    }
    expect(session.named('ContinueRetrievePropertiesEx')).toHaveLength(0);
    expect(session.named('CancelRetrievePropertiesEx')).toMatchObject([{ args: { token: 'a' }, signal: undefined }]);
  });

  test('a failure to cancel does not matter', async () => {
    const session = pages();
    session.script.CancelRetrievePropertiesEx = [new Error('no')];
    const objects = collectProperties(session, traversal, 'VirtualMachine', ['name']);
    await objects.next();
    await objects.return();
    expect(session.named('CancelRetrievePropertiesEx')).toHaveLength(1);
  });

  test('a rest that a new session does not know is fetched by beginning anew, and nothing comes twice', async () => {
    for (const loss of [
      new VimFault('InvalidArgument', '', ''),
      new VimConnectionError('reset', 'unknown'),
      undefined,
    ]) {
      const session = pages();
      session.script.RetrievePropertiesEx = [
        { token: 'a', objects: [named('vm-1'), named('vm-2')] },
        { objects: [named('vm-2'), named('vm-3')] },
      ];
      session.script.ContinueRetrievePropertiesEx = [loss];
      const seen: string[] = [];
      for await (const { ref } of collectProperties(session, traversal, 'VirtualMachine', ['name']))
        seen.push(ref.value);
      expect(seen).toEqual(['vm-1', 'vm-2', 'vm-3']);
    }
  });

  test.each<[string, object[]]>([
    ['nothing', []],
    ['what was there before', [named('vm-1')]],
  ])('pages that bring %s are not asked for without end', async (_what, objects) => {
    let asked = 0;
    const session = new ScriptedSession({
      RetrievePropertiesEx: [{ token: 'a', objects: [named('vm-1')] }],
      ContinueRetrievePropertiesEx: [
        () => {
          if (++asked > 20) throw new Error('asked without end');
          return { token: `b${asked}`, objects };
        },
      ],
    });
    const error = await failureOf(collectAll(session));
    expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
    expect(session.named('CancelRetrievePropertiesEx').map(({ args }) => args)).toEqual([{ token: `b${asked}` }]);
  });

  test('a rest that never comes is not taken for none', async () => {
    const session = pages();
    session.script.ContinueRetrievePropertiesEx = [undefined];
    expect(await failureOf(collectAll(session))).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
  });

  test('reaching nothing is believed when a living session sees it again', async () => {
    const session = new ScriptedSession({ RetrievePropertiesEx: [undefined, { objects: [named('vm-1')] }] });
    const first = await collectProperties(session, traversal, 'VirtualMachine', ['name']).next();
    expect(first.value).toMatchObject({ ref: { value: 'vm-1' } });

    const empty = new ScriptedSession({ RetrievePropertiesEx: [undefined] });
    expect(await collectProperties(empty, traversal, 'VirtualMachine', ['name']).next()).toEqual({ done: true });
    expect(empty.named('CurrentTime').length).toBeGreaterThan(0);
  });

  test('objects that may not be read are told to whoever wants to know, or fail the whole', async () => {
    const fault = { _type: 'NoPermission', privilegeId: 'System.Read' };
    const hidden = { obj: vm, missingSet: [{ path: 'name', fault: { fault } }] };
    const session = new ScriptedSession({ RetrievePropertiesEx: [{ objects: [hidden, named('vm-2')] }] });
    const seen: string[] = [];
    const onUnreadable = ({ ref, error }: UnreadableObject) => seen.push(`${ref.value}: ${error.name}`);
    const options = { onUnreadable };
    for await (const { ref } of collectProperties(session, traversal, 'VirtualMachine', ['name'], options)) {
      seen.push(ref.value);
    }
    expect(seen).toEqual(['vm-1: VimFault', 'vm-2']);
    const strict = collectProperties(session, traversal, 'VirtualMachine', ['name']).next();
    expect(await failureOf(strict)).toMatchObject({ faultName: 'NoPermission' });
  });
});
