import { describe, expect, test } from '@jest/globals';
import { VimFault } from '../../src/errors/index.js';
import { collectProperties, readProperties, readPropertiesOfMany, type MoRef } from '../../src/vim/index.js';
import { failureOf } from './support/failure.js';
import { ScriptedSession } from './support/scripted-session.js';

const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const folders: MoRef = { type: 'Folder', value: 'group-v3' };
const gone = { fault: { _type: 'ManagedObjectNotFound', obj: vm } };

const named = (value: string): object => ({
  obj: { type: 'VirtualMachine', value },
  propSet: [{ name: 'name', val: `name of ${value}` }],
});

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

  test.each([[undefined], [{ objects: [] }]])('an object that is not in the answer %p is gone', async (answer) => {
    const session = new ScriptedSession({ RetrievePropertiesEx: [answer] });
    expect(await failureOf(readProperties(session, vm, 'VirtualMachine', ['name']))).toMatchObject({
      faultName: 'ManagedObjectNotFound',
      detail: { obj: vm },
    });
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
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name'], { maxObjects: 1 });
    expect(found).toEqual(refs.map((ref) => ({ ref, properties: { name: `name of ${ref.value}` } })));
    expect(session.named('ContinueRetrievePropertiesEx').map(({ args }) => args)).toEqual([
      { token: 'a' },
      { token: 'b' },
    ]);
    expect(session.named('RetrievePropertiesEx')[0]!.args).toMatchObject({ options: { maxObjects: 1 } });
    expect(session.named('CancelRetrievePropertiesEx')).toHaveLength(0);
  });

  test('leaves out what is gone, as the server says it', async () => {
    const session = new ScriptedSession({
      RetrievePropertiesEx: [
        { objects: [{ obj: refs[0], missingSet: [{ path: 'name', fault: gone }] }, named('vm-3')] },
      ],
    });
    const found = await readPropertiesOfMany(session, refs, 'VirtualMachine', ['name']);
    expect(found.map(({ ref }) => ref.value)).toEqual(['vm-3']);
    expect(session.named('RetrievePropertiesEx')[0]!.args).toMatchObject({
      specSet: [{ reportMissingObjectsInResults: true }],
    });
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
});
