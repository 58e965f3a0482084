import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { ref } from './support/soap-client.js';
import { vmSpec } from './support/specs.js';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const nameNow = () => lab.simulator.vms()[0]!.name;

describe('a call that arrives late', () => {
  it('takes effect when it is told to, as long as that makes sense then', async () => {
    const { ref: vm } = await lab.simulator.addVm({ name: 'a' });
    const rename = (name: string) => lab.client.task('Rename_Task', vm, `<newName>${name}</newName>`);
    const late = lab.simulator.injectFault({ method: 'Rename_Task', kind: 'late' });
    await expect(late.deliver()).rejects.toThrow('no late Rename_Task is waiting');
    await expect(rename('late')).rejects.toThrow();
    expect(late.fired).toBe(true);
    await rename('b');
    expect(nameNow()).toBe('b');
    expect(await late.deliver()).toBeUndefined();
    expect(nameNow()).toBe('late');
    await expect(late.deliver()).rejects.toThrow('no late Rename_Task is waiting');

    const gone = lab.simulator.injectFault({ method: 'Rename_Task', kind: 'late' });
    await expect(rename('c')).rejects.toThrow();
    await lab.simulator.removeVm('late');
    expect(await gone.deliver()).toBe('ManagedObjectNotFound');
  });

  it('may fail in its task, and may be no task at all', async () => {
    const { ref: vm } = await lab.simulator.addVm({ name: 'a' });
    const version = (await lab.client.property(vm, 'config.changeVersion'))!.text;
    const late = lab.simulator.injectFault({ method: 'ReconfigVM_Task', kind: 'late' });
    const spec = `<spec><changeVersion>${version}</changeVersion><name>late</name></spec>`;
    await expect(lab.client.task('ReconfigVM_Task', vm, spec)).rejects.toThrow();
    await lab.client.task('Rename_Task', vm, '<newName>b</newName>');
    expect(await late.deliver()).toBe('ConcurrentAccess');
    expect(nameNow()).toBe('b');

    const imported = lab.simulator.injectFault({ method: 'ImportVApp', kind: 'late' });
    const importSpec =
      `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${vmSpec({ name: 'imported' })}</configSpec></spec>` +
      ref('folder', lab.vmFolder);
    await expect(lab.client.call('ImportVApp', lab.pool, importSpec)).rejects.toThrow();
    expect(lab.simulator.vm('imported')).toBeUndefined();
    lab.simulator.expireSessions();
    expect(await imported.deliver()).toBeUndefined();
    expect(lab.simulator.vm('imported')).toBeDefined();
    expect(lab.simulator.leases()).toHaveLength(1);
  });
});
