import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeVmdk, encodeVmdk, verifyVmdk } from '../../../src/vmdk/index.js';
import { bytesPerGiB, Lab } from '../../driver/support/lab.js';
import { noise, prose } from '../../vmdk/support/disks.js';
import { debianProgram, describePeer, exercised, type Peer } from '../support/peer.js';

const run = promisify(execFile);
/** Debian's own, which finds Debian's modules. */
const python = '/usr/bin/python3';

/** A Python module out of a Debian package, in the package's version. */
async function installModule(module: string, debianPackage: string): Promise<Peer> {
  const query = `['dpkg-query', '-W', '-f', '\${Version}', '${debianPackage}']`;
  const script = `import ${module}, subprocess; print(subprocess.check_output(${query}, text=True))`;
  const { version } = await debianProgram(python, debianPackage, ['-c', script]);
  return { name: module, version };
}

let directory: string;
let raw: Buffer;
const file = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stream-tools-'));
  const image = await open(file('disk.raw'), 'w');
  await image.truncate(bytesPerGiB);
  await image.write(noise('begin', 3_000_000), 0, undefined, 0);
  await image.write(prose('middle', 2_000_000), 0, undefined, 500 * 2 ** 20);
  await image.write(prose('end', 512), 0, undefined, bytesPerGiB - 512);
  await image.close();
  raw = await readFile(file('disk.raw'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

await describePeer(
  'libvmdk',
  () => installModule('pyvmdk', 'python3-libvmdk'),
  (peer) => {
    test('it reads what we write', async () => {
      // Looked for under the name that the disk's own descriptor gives it.
      await encodeVmdk(file('disk.raw'), file('generated-stream.vmdk'));
      const script = [
        'import hashlib, pyvmdk, sys',
        'disk = pyvmdk.handle(); disk.open(sys.argv[1]); disk.open_extent_data_files()',
        'digest = hashlib.sha256(); left = disk.get_media_size()',
        'while left: data = disk.read_buffer(min(left, 2**20)); digest.update(data); left -= len(data)',
        'print(digest.hexdigest())',
      ].join('\n');
      const { stdout } = await run(python, ['-c', script, file('generated-stream.vmdk')]);
      expect(stdout.trim()).toBe(sha256(raw));
      exercised(peer, 'a disk that we encoded, read to its end', 1);
    });
  },
);

await describePeer(
  'VMDKstream',
  () => installModule('VMDKstream', 'python3-vmdkstream'),
  (peer) => {
    test('what it writes is verified, decoded and restored', async () => {
      const script = 'import sys, VMDKstream; VMDKstream.convert_to_stream(sys.argv[1], sys.argv[2])';
      await run(python, ['-c', script, file('disk.raw'), file('theirs.vmdk')]);
      // It leaves out the first line of the descriptor.
      expect(await verifyVmdk(file('theirs.vmdk'))).toMatchObject({
        capacityBytes: bytesPerGiB,
        importable: true,
        warnings: ['no-descriptor-signature'],
      });
      await decodeVmdk(file('theirs.vmdk'), file('theirs.raw'));
      expect(sha256(await readFile(file('theirs.raw')))).toBe(sha256(raw));

      await using lab = await Lab.start();
      const volume = { id: randomUUID(), size: 1 };
      const backup = { id: 'theirs', volumeId: volume.id };
      await lab.service.backup(backup, { path: file('theirs.vmdk') }, {});
      await lab.driver.restoreBackup(backup, volume);
      expect(await lab.simulator.diskSha256(lab.diskOf(volume).path)).toBe(sha256(raw));
      exercised(peer, 'a disk that it wrote: verified, decoded, restored', 3);
    });
  },
);
