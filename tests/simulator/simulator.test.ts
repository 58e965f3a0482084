import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { type Exchange, startSimulator } from '../../src/simulator/index.js';
import { handlers } from '../../src/simulator/methods/index.js';
import { methods } from '../../src/vim/schema/index.js';
import { openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc } from './support/nfc-client.js';
import { refsOf, SoapClient } from './support/soap-client.js';
import { textAt } from './support/xml-node.js';

const MIB = 2 ** 20;

describe('a simulator', () => {
  it('answers every method of the subset', () => {
    expect(Object.keys(handlers).sort()).toEqual([...Object.keys(methods), 'Fetch'].sort());
  });

  it('leaves nothing behind when it is closed, however often', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'simulator-test-'));
    const simulator = await startSimulator({ directory });
    const { disks } = await simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    await simulator.writeDisk(disks[0]!.path, randomBytes(100));
    expect(await readdir(directory)).toHaveLength(1);
    const client = await SoapClient.connect(simulator);
    await Promise.all([simulator.close(), simulator.close()]);
    await simulator[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual([]);
    await expect(client.property({ type: 'Folder', value: 'group-d1' }, 'name')).rejects.toThrow();
    client.close();
    await rm(directory, { recursive: true });
  });

  it('runs beside others and shares nothing with them', async () => {
    await using one = await openLab();
    await using two = await openLab();
    await one.simulator.addVm({ name: 'a' });
    expect(two.simulator.vms()).toEqual([]);
    expect(two.simulator.thumbprint).not.toBe(one.simulator.thumbprint);
    two.client.cookie = one.client.cookie;
    await expect(two.client.property(two.vmFolder, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it('hands over what goes over the wire', async () => {
    const exchanges: Exchange[] = [];
    await using lab = await openLab({
      onExchange(exchange) {
        exchanges.push(exchange);
      },
    });
    await expect(lab.client.property({ type: 'Folder', value: 'none' }, 'name')).rejects.toThrow();
    expect(exchanges).toHaveLength(lab.simulator.calls().length);
    const [login] = exchanges;
    expect(login!.request).toContain(`<password>${lab.simulator.password}</password>`);
    expect(login!.reply).toContain('<LoginResponse xmlns="urn:vim25">');
    expect(exchanges.at(-1)!.reply).toContain('<ManagedObjectNotFoundFault');
  });

  it('says where it is', async () => {
    await using simulator = await startSimulator({ username: 'u', password: 'p' });
    expect(simulator.url).toBe(`https://127.0.0.1:${simulator.port}/sdk`);
    expect([simulator.username, simulator.password, simulator.host]).toEqual(['u', 'p', '127.0.0.1']);
    expect(simulator.thumbprint).toMatch(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    expect(simulator.thumbprintSha256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const client = new SoapClient(simulator);
    const versions = await client.http('GET', '/sdk/vimServiceVersions.xml', {});
    expect([versions.status, versions.body.includes('<name>urn:vim25</name>')]).toEqual([200, true]);
    expect((await client.http('GET', '/else', {})).status).toBe(404);
    client.close();
  });

  it('reads and writes disks at any place', async () => {
    await using simulator = await startSimulator();
    const { disks } = await simulator.addVm({ name: 'a', disk: { capacityBytes: 3 * MIB } });
    const { path } = disks[0]!;
    const expected = Buffer.alloc(3 * MIB);
    const data = randomBytes(MIB);
    data.copy(expected, MIB - 5);
    async function* chunks() {
      yield data.subarray(0, 1000);
      yield data.subarray(1000);
    }
    await simulator.writeDisk(path, chunks(), MIB - 5);
    expect((await buffer(simulator.readDisk(path))).equals(expected)).toBe(true);
    expect(
      (await buffer(simulator.readDisk(path, { start: MIB - 10, end: MIB + 10 }))).equals(
        expected.subarray(MIB - 10, MIB + 10),
      ),
    ).toBe(true);
    expect(await simulator.diskSha256(path)).toBe(createHash('sha256').update(expected).digest('hex'));
    await expect(simulator.writeDisk(path, data, 3 * MIB - 10)).rejects.toThrow(RangeError);
    await expect(simulator.writeDisk('[datastore1] none.vmdk', data)).rejects.toThrow('there is no disk');
  });

  it('compares states, with the disks’ content where that is asked for', async () => {
    await using simulator = await startSimulator();
    const { disks } = await simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    await simulator.writeDisk(disks[0]!.path, randomBytes(10));
    const [plain, deep] = [await simulator.state(), await simulator.state({ content: true })];
    await simulator.writeDisk(disks[0]!.path, randomBytes(10));
    expect(await simulator.state()).toEqual(plain);
    expect(await simulator.state({ content: true })).not.toEqual(deep);
    expect(JSON.parse(JSON.stringify(plain))).toMatchObject({ vms: [{ name: 'a' }] });
  });

  it('finds what is left over', async () => {
    await using lab = await openLab({ latency: { taskMs: 60_000 } });
    const { simulator, client } = lab;
    const { ref: vm } = await simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    expect(simulator.leftovers()).toEqual([]);
    await simulator.addVm({ name: 'empty' });
    await simulator.addVm({
      name: 'temporary',
      disk: { capacityBytes: MIB },
      extraConfig: { 'vmdk-driver.owner': '1' },
    });
    await client.call('ExportVm', vm);
    expect(simulator.leftovers()).toEqual([
      { kind: 'lease', what: 'export lease of a is initializing' },
      { kind: 'vm-without-disk', what: 'empty' },
      { kind: 'marked-vm', what: 'temporary: vmdk-driver.owner' },
      { kind: 'task', what: 'VirtualMachine.ExportVmLRO of a is running' },
    ]);
  });

  it('serves a file instead of a disk, until the disk is written to', async () => {
    await using lab = await openLab();
    const { simulator, client } = lab;
    const { ref: vm, disks } = await simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    const directory = await mkdtemp(join(tmpdir(), 'simulator-test-'));
    const content = randomBytes(3_000_000);
    await writeFile(join(directory, 'stream'), content);
    await simulator.serveExport(disks[0]!.path, join(directory, 'stream'));
    const lease = await client.callForRef('ExportVm', vm);
    const url = deviceUrl(await leaseReady(client, lease));
    const { body, headers } = await nfc('GET', url);
    expect(body.equals(content)).toBe(true);
    expect(headers['content-length']).toBe('3000000');
    const manifest = await client.call('HttpNfcLeaseGetManifest', lease);
    expect(textAt(manifest, 'returnval.sha1')).toBe(createHash('sha1').update(content).digest('hex'));
    await simulator.writeDisk(disks[0]!.path, randomBytes(1));
    expect((await nfc('GET', url)).body.length).toBeLessThan(1_000_000);
    await rm(directory, { recursive: true });
  });

  it('has the inventory it is given', async () => {
    const hosts = (prefix: string) => [
      { name: `${prefix}1` },
      { name: `${prefix}2`, connectionState: 'disconnected' as const },
      { name: `${prefix}3`, inMaintenanceMode: true },
    ];
    await using lab = await openLab({
      datacenters: [
        {
          name: 'one',
          clusters: [
            { name: 'c1', hosts: hosts('a') },
            { name: 'c2', hosts: hosts('b') },
          ],
          datastores: [
            { name: 'shared', type: 'NFS', capacityBytes: 100 * MIB, freeBytes: 40 * MIB },
            {
              name: 'readonly',
              mounts: [
                { host: 'a1', accessMode: 'readOnly' },
                { host: 'b1', accessible: false },
              ],
            },
          ],
        },
        { name: 'two', clusters: [{ name: 'c3', hosts: [{ name: 'z' }] }], datastores: [{ name: 'shared' }] },
      ],
    });
    const { client, datacenter, simulator } = lab;
    const [shared, readonly] = refsOf(await client.property(datacenter, 'datastore'));
    const summary = await client.property(shared!, 'summary');
    expect([textAt(summary, 'type'), textAt(summary, 'freeSpace')]).toEqual(['NFS', String(40 * MIB)]);
    const mounts = (await client.property(readonly!, 'host'))!.children;
    expect(
      mounts.map((mount) => [
        textAt(mount, 'mountInfo.accessMode'),
        textAt(mount, 'mountInfo.accessible'),
        textAt(mount, 'mountInfo.mounted'),
      ]),
    ).toEqual([
      ['readOnly', 'true', undefined],
      ['readWrite', 'false', undefined],
    ]);
    await simulator.addVm({ name: 'a', datacenter: 'one', disk: { capacityBytes: MIB } });
    await simulator.addVm({ name: 'a', datacenter: 'two', disk: { capacityBytes: MIB } });
    expect(simulator.vms().map(({ inventoryPath }) => inventoryPath)).toEqual(['/one/vm/a', '/two/vm/a']);
    expect(() => simulator.vm('a')).toThrow('there are 2 VMs named a');
    simulator.addDatastore({ name: 'later', capacityBytes: 5 * MIB }, 'two');
    expect(simulator.freeBytes('later')).toBe(5 * MIB);
  });

  it('is not slow with 2,000 VMs', async () => {
    await using simulator = await startSimulator();
    const before = process.cpuUsage();
    for (let i = 0; i < 2000; i++) await simulator.addVm({ name: `vm${i}`, disk: { capacityBytes: MIB } });
    expect(simulator.vms()).toHaveLength(2000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(10);
  });
});
