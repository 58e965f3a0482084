import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc, streamType, thumbprint } from './support/nfc-client.js';
import { ref } from './support/soap-client.js';
import { controller, newDisk, vmSpec } from './support/specs.js';
import { all, at, textAt } from './support/xml-node.js';

const MIB = 2 ** 20;

async function exportVm({ client }: Lab, vm: { type: string; value: string }) {
  const lease = await client.callForRef('ExportVm', vm);
  const info = await leaseReady(client, lease);
  return { lease, info, url: deviceUrl(info) };
}

async function startImport({ client, pool, vmFolder }: Lab, spec = vmSpec({ name: 'imported' })) {
  const lease = await client.callForRef(
    'ImportVApp',
    pool,
    `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${spec}</configSpec></spec>${ref('folder', vmFolder)}`,
  );
  const info = await leaseReady(client, lease);
  return { lease, info, url: deviceUrl(info) };
}

async function labWithDisk(options = {}) {
  const lab = await openLab(options);
  const vm = await lab.simulator.addVm({ name: 'source', disk: { capacityBytes: 8 * MIB } });
  const path = vm.disks[0]!.path;
  await lab.simulator.writeDisk(path, randomBytes(100_000), 3 * MIB);
  return { lab, vm, path };
}

describe('transfers', () => {
  it('moves a disk out of one VM and into another, byte for byte', async () => {
    const { lab, vm, path } = await labWithDisk();
    await using _ = lab;
    const { simulator, client } = lab;

    const exported = await exportVm(lab, vm.ref);
    const download = await nfc('GET', exported.url);
    expect(download.status).toBe(200);
    expect(download.headers['transfer-encoding']).toBe('chunked');
    expect(download.fingerprint).toBe(thumbprint(exported.info));
    expect(download.fingerprint).not.toBe(simulator.thumbprint);

    const manifest = all(await client.call('HttpNfcLeaseGetManifest', exported.lease), 'returnval');
    expect(manifest).toHaveLength(1);
    expect(textAt(manifest[0], 'size')).toBe(String(download.body.length));
    expect(textAt(manifest[0], 'sha1')).toBe(createHash('sha1').update(download.body).digest('hex'));
    expect(textAt(manifest[0], 'checksum')).toBe(createHash('sha256').update(download.body).digest('hex'));
    expect(textAt(manifest[0], 'capacity')).toBe(String(8 * MIB));
    await client.call('HttpNfcLeaseComplete', exported.lease);

    const imported = await startImport(lab);
    const upload = await nfc('POST', imported.url, { headers: streamType, body: download.body });
    expect(upload.status).toBe(200);
    await client.call('HttpNfcLeaseComplete', imported.lease);

    const [disk] = simulator.vm('imported')!.disks;
    expect(disk).toMatchObject({ capacityBytes: 8 * MIB, provisioning: 'thin' });
    expect(await simulator.diskSha256(disk!.path)).toBe(await simulator.diskSha256(path));
    expect(simulator.leftovers()).toEqual([]);
  });

  it('takes note of cookies that have no business there', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const { url } = await exportVm(lab, vm.ref);
    await nfc('GET', url);
    expect(lab.simulator.leases()[0]!.transfers).toMatchObject([{ state: 'done', cookieReceived: false }]);
    await nfc('GET', url, { headers: { Cookie: lab.client.cookie! } });
    expect(lab.simulator.leases()[0]!.transfers).toMatchObject([{ cookieReceived: true }]);
  });

  it('has the checksum in the manifest that was asked for', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const { lease, info, url } = await exportVm(lab, vm.ref);
    const ask = (type: string) =>
      lab.client.call(
        'HttpNfcLeaseSetManifestChecksumType',
        lease,
        `<deviceUrlsToChecksumTypes><key>${textAt(info, 'deviceUrl.key')}</key><value>${type}</value></deviceUrlsToChecksumTypes>`,
      );
    await expect(ask('crc32')).rejects.toMatchObject({ type: 'InvalidArgument' });
    await ask('sha1');
    expect((await lab.client.call('HttpNfcLeaseGetManifest', lease)).children).toEqual([]);
    const { body } = await nfc('GET', url);
    const entry = at(await lab.client.call('HttpNfcLeaseGetManifest', lease), 'returnval');
    expect(textAt(entry, 'checksumType')).toBe('sha1');
    expect(textAt(entry, 'checksum')).toBe(createHash('sha1').update(body).digest('hex'));
  });

  it('makes the disk of a PUT thick', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const exported = await exportVm(lab, vm.ref);
    const { body } = await nfc('GET', exported.url);
    const imported = await startImport(lab);
    expect((await nfc('PUT', imported.url, { body })).status).toBe(409);
    expect((await nfc('PUT', imported.url, { headers: { Overwrite: 't' }, body })).status).toBe(201);
    expect(lab.simulator.vm('imported')!.disks[0]!.provisioning).toBe('thick');
  });

  it('gives the length of an export where it is told to', async () => {
    const { lab, vm } = await labWithDisk({ exportLength: 'content-length' });
    await using _ = lab;
    const { url } = await exportVm(lab, vm.ref);
    const { body, headers } = await nfc('GET', url);
    expect(headers['content-length']).toBe(String(body.length));
  });

  it('refuses a stream that is cut short, removes the VM and ends the lease', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const { simulator, client } = lab;
    const exported = await exportVm(lab, vm.ref);
    const { body } = await nfc('GET', exported.url);
    await client.call('HttpNfcLeaseComplete', exported.lease);
    const before = await simulator.state({ content: true });

    const imported = await startImport(lab);
    expect(simulator.vm('imported')).toBeDefined();
    const reply = await nfc('POST', imported.url, { headers: streamType, body: body.subarray(0, -512) });
    expect(reply.status).toBe(500);
    expect((await client.property(imported.lease, 'state'))!.text).toBe('error');
    expect(at(await client.property(imported.lease, 'error'), 'fault')!.attributes['xsi:type']).toBe('SystemError');
    expect(await simulator.state({ content: true })).toEqual(before);
    await expect(client.call('HttpNfcLeaseComplete', imported.lease)).rejects.toThrow('InvalidState');
  });

  it('does not complete an import before its disk is there', async () => {
    await using lab = await openLab();
    const { lease } = await startImport(lab);
    await expect(lab.client.call('HttpNfcLeaseComplete', lease)).rejects.toThrow('InvalidState');
  });

  it('opens nothing to those without the ticket', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const { url, lease } = await exportVm(lab, vm.ref);
    expect((await nfc('GET', url.replace(/nfc\/./, 'nfc/~'))).status).toBe(404);
    expect((await nfc('GET', url.replace('disk-0', 'disk-1'))).status).toBe(404);
    expect((await nfc('POST', url, { headers: streamType })).status).toBe(405);
    await lab.client.call('HttpNfcLeaseAbort', lease);
    expect((await nfc('GET', url)).status).toBe(403);
  });

  it('refuses an upload of another content type', async () => {
    await using lab = await openLab();
    const { url } = await startImport(lab);
    expect((await nfc('POST', url, { body: Buffer.alloc(512) })).status).toBe(415);
    expect((await nfc('GET', url)).status).toBe(405);
  });

  it('ends an import that does not fit with NoDiskSpace', async () => {
    const { lab, vm } = await labWithDisk();
    await using _ = lab;
    const exported = await exportVm(lab, vm.ref);
    const { body } = await nfc('GET', exported.url);
    const spec = vmSpec({ name: 'imported', changes: newDisk({ thin: false }) + controller(), path: '[datastore2]' });
    const imported = await startImport(lab, spec);
    lab.simulator.updateDatastore('datastore2', { freeBytes: 2 * MIB });
    expect((await nfc('POST', imported.url, { headers: streamType, body })).status).toBe(500);
    const error = await lab.client.property(imported.lease, 'error');
    expect(at(error, 'fault')!.attributes['xsi:type']).toBe('NoDiskSpace');
    expect(lab.simulator.vm('imported')).toBeUndefined();
  });
});
