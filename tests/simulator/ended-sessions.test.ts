import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EndedSessionAnswer } from '../../src/simulator/index.js';
import { type Lab, openLab } from './support/lab.js';
import { all, at, textAt } from './support/xml-node.js';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const retrieve = (method = 'RetrievePropertiesEx') =>
  lab.client.call(
    method,
    lab.client.manager('PropertyCollector'),
    '<specSet><propSet><type>ManagedEntity</type><pathSet>name</pathSet></propSet>' +
      '<propSet><type>VirtualMachine</type><pathSet>config</pathSet></propSet>' +
      `<objectSet><obj type="Folder">${lab.vmFolder.value}</obj></objectSet></specSet>` +
      (method === 'RetrievePropertiesEx' ? '<options/>' : ''),
  );
const find = () =>
  lab.client.call(
    'FindAllByUuid',
    lab.client.manager('SearchIndex'),
    '<uuid>0f2b8a52-7b7a-4f0e-9d6e-2f6a3f1c9a11</uuid><vmSearch>true</vmSearch>',
  );
const wait = () => lab.client.call('WaitForUpdatesEx', lab.client.manager('PropertyCollector'));
const rename = () => lab.client.call('Rename_Task', lab.vmFolder, '<newName>b</newName>');
const notAuthenticated = { type: 'NotAuthenticated' };

describe('a session that has ended', () => {
  it('is answered with a fault, unless told otherwise', async () => {
    lab.simulator.expireSessions();
    await expect(retrieve()).rejects.toMatchObject(notAuthenticated);
    lab.client.cookie = undefined;
    await lab.client.login();
    await retrieve();
  });

  it('is answered with nothing but the reason for it', async () => {
    lab.simulator.expireSessions({ answer: 'missing-set' });
    for (const objects of [
      all(at(await retrieve(), 'returnval'), 'objects'),
      all(await retrieve('RetrieveProperties'), 'returnval'),
    ]) {
      expect(objects).toHaveLength(1);
      expect(textAt(objects[0], 'missingSet.path')).toBe('name');
      expect(at(objects[0], 'missingSet.fault.fault')!.attributes['xsi:type']).toBe('NotAuthenticated');
      expect(all(objects[0], 'propSet')).toEqual([]);
    }
    await expect(rename()).rejects.toMatchObject(notAuthenticated);
  });

  it.each<[EndedSessionAnswer, boolean]>([
    ['empty', false],
    ['blind', true],
  ])('is answered with nothing at all: %s', async (answer, blind) => {
    lab.simulator.expireSessions({ answer });
    expect((await retrieve()).children).toEqual([]);
    expect((await retrieve('RetrieveProperties')).children).toEqual([]);
    for (const call of [find, wait]) {
      if (blind) expect((await call()).children).toEqual([]);
      else await expect(call()).rejects.toMatchObject(notAuthenticated);
    }
    await expect(rename()).rejects.toMatchObject(notAuthenticated);
    lab.client.cookie = undefined;
    await lab.client.login();
    expect((await retrieve()).children).not.toEqual([]);
  });

  it.each([
    ['session-missing-set', 1],
    ['session-empty', 0],
    ['session-blind', 0],
  ] as const)('may end at a call: %s', async (kind, length) => {
    lab.simulator.injectFault({ method: 'RetrievePropertiesEx', nth: 2, kind });
    await retrieve();
    expect((await retrieve()).children).toHaveLength(length);
    expect(lab.simulator.sessions()).toEqual([]);
    await expect(rename()).rejects.toMatchObject(notAuthenticated);
  });

  it('may end after a call’s effect, which is answered', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', when: 'after', kind: 'session-empty' });
    await lab.client.call('CreateFolder', lab.vmFolder, '<name>f</name>');
    expect((await retrieve()).children).toEqual([]);
  });
});
