import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { all, at, textAt } from './support/xml-node.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const key = 'org.example.storage';
const extension =
  '<extension><description><label>Storage</label><summary>Volumes</summary></description>' +
  `<key>${key}</key><version>1.0</version><lastHeartbeatTime>2030-01-01T00:00:00Z</lastHeartbeatTime>` +
  '<managedEntityInfo><type>volume</type></managedEntityInfo></extension>';

it('knows an extension once it is registered', async () => {
  const manager = lab.client.manager('ExtensionManager');
  const find = () => lab.client.call('FindExtension', manager, `<extensionKey>${key}</extensionKey>`);
  expect((await find()).children).toEqual([]);
  await lab.client.call('RegisterExtension', manager, extension);
  expect(textAt(await find(), 'returnval.managedEntityInfo.type')).toBe('volume');
  const list = await lab.client.property(manager, 'extensionList');
  expect(all(list, 'Extension').map((entry) => textAt(entry, 'key'))).toEqual([key]);
  await expect(lab.client.call('RegisterExtension', manager, extension)).rejects.toMatchObject({
    type: 'InvalidArgument',
  });
});

it('are a matter of a vCenter', async () => {
  await using esxi = await openLab({ mode: 'esxi' });
  const reply = await esxi.client.call('RetrieveServiceContent', { type: 'ServiceInstance', value: 'ServiceInstance' });
  expect(at(reply, 'returnval.taskManager')).toBeDefined();
  expect(at(reply, 'returnval.extensionManager')).toBeUndefined();
});
