import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeVmdk } from '../../src/vmdk/index.js';
import { type Lab, openLab } from './support/lab.js';
import { nfc } from './support/nfc-client.js';
import { ref } from './support/soap-client.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const query = '?dcPath=DC0&dsName=datastore1';
const put = (path: string, body: Buffer, { cookie = lab.client.cookie ?? '', method = 'PUT' } = {}) => {
  const { host, port } = lab.simulator;
  return nfc(method, `https://${host}:${port}/folder/${path}`, { headers: { Cookie: cookie }, body });
};
const file = (path: string) => lab.simulator.files().find((entry) => entry.path === `[datastore1] ${path}`);
const deleteFile = (path: string) =>
  lab.client.task(
    'DeleteDatastoreFile_Task',
    lab.client.manager('FileManager'),
    `<name>[datastore1] ${path}</name>${ref('datacenter', lab.datacenter)}`,
  );

describe('files that are put into a datastore', () => {
  it('are there, take room, are replaced, and deleted', async () => {
    const free = lab.simulator.freeBytes('datastore1');
    expect((await put(`some%20file${query}`, randomBytes(1000))).status).toBe(201);
    expect(file('some file')).toMatchObject({ kind: 'file', sizeBytes: 1000 });
    expect((await put(`some%20file${query}`, randomBytes(300))).status).toBe(200);
    expect(file('some file')).toMatchObject({ kind: 'file', sizeBytes: 300 });
    expect(lab.simulator.freeBytes('datastore1')).toBe(free - 300);
    await deleteFile('some file');
    expect(lab.simulator.freeBytes('datastore1')).toBe(free);
  });

  it.each([
    ['without a session', 401, 'a', { cookie: '' }],
    ['with another method', 405, 'a', { method: 'POST' }],
    ['in a folder that is not there', 404, 'a/b', {}],
    ['in place of a folder', 409, 'vm', {}],
    ['in place of a disk', 409, 'vm/vm.vmdk', {}],
    ["in place of a VM's configuration", 403, 'vm/vm.vmx', {}],
  ])('are refused %s', async (_why, status, path, options) => {
    await lab.createVm();
    const before = lab.simulator.files();
    expect((await put(path + query, randomBytes(10), options)).status).toBe(status);
    expect(lab.simulator.files()).toEqual(before);
  });

  it.each(['?dcPath=DC0&dsName=nowhere', '?dcPath=DC9&dsName=datastore1', '?dsName=datastore1', ''])(
    'are refused where no datastore is named: %s',
    async (where) => {
      expect((await put(`a${where}`, randomBytes(10))).status).toBe(404);
    },
  );

  it('are refused where there is no room', async () => {
    lab.simulator.updateDatastore('datastore1', { freeBytes: 9 });
    expect((await put(`a${query}`, randomBytes(10))).status).toBe(507);
    expect(file('a')).toBeUndefined();
  });

  it('need no datacenter on an ESXi', async () => {
    await using esxi = await openLab({ mode: 'esxi' });
    const { host, port } = esxi.simulator;
    const headers = { Cookie: esxi.client.cookie ?? '' };
    const reply = await nfc('PUT', `https://${host}:${port}/folder/a?dsName=datastore1`, {
      headers,
      body: Buffer.from('a'),
    });
    expect(reply.status).toBe(201);
  });
});

describe('a stream-optimized disk that was put into a datastore', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'datastore-access-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const copy = (more = '') =>
    lab.client.task(
      'CopyVirtualDisk_Task',
      lab.client.manager('VirtualDiskManager'),
      `<sourceName>[datastore1] stream.vmdk</sourceName>${ref('sourceDatacenter', lab.datacenter)}` +
        `<destName>[datastore1] disk.vmdk</destName>${more}`,
    );

  it('is taken apart by a copy, into the form that is asked for', async () => {
    const raw = Buffer.concat([randomBytes(MIB), Buffer.alloc(2 * MIB)]);
    await writeFile(join(directory, 'raw'), raw);
    await encodeVmdk(join(directory, 'raw'), join(directory, 'vmdk'));
    await put(`stream.vmdk${query}`, await readFile(join(directory, 'vmdk')));

    await copy();
    expect(file('disk.vmdk')).toMatchObject({ kind: 'disk', capacityBytes: 3 * MIB, provisioning: 'thick' });
    expect(await lab.simulator.diskSha256('[datastore1] disk.vmdk')).toBe(
      createHash('sha256').update(raw).digest('hex'),
    );
    await expect(copy()).rejects.toMatchObject({ type: 'FileAlreadyExists' });
    const spec = '<destSpec><diskType>thin</diskType><adapterType>ide</adapterType></destSpec><force>true</force>';
    await copy(spec);
    expect(file('disk.vmdk')).toMatchObject({ kind: 'disk', provisioning: 'thin', sizeBytes: MIB });
  });

  it('leaves nothing where it is none', async () => {
    await put(`stream.vmdk${query}`, randomBytes(5000));
    await expect(copy()).rejects.toMatchObject({ type: 'SystemError' });
    expect(file('disk.vmdk')).toBeUndefined();
  });
});
