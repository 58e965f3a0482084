import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AbortError, type BackupManifest, VimFault, type VimSession } from '../../../src/index.js';
import type { FileBackupService } from '../../../src/services/index.js';
import { bytesPerGiB, Lab, refusal, someContent } from '../../driver/support/lab.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim, modes } from './vcsim.js';
import { notingUploads, sha1, type Uploaded, VcsimLab } from './vcsim-lab.js';

/** A backup of a 1 GiB volume, taken from our own simulator, and what it is stored as. */
interface Taken {
  readonly manifest: BackupManifest;
  readonly stream: Buffer;
}

await describePeer('vcsim', installVcsim, (peer) => {
  let taken: Taken;
  beforeAll(async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume({}, someContent());
    const manifest = await lab.driver.backupVolume({ id: 'stored', volumeId: volume.id }, volume);
    const chunks: Buffer[] = [];
    const { stream } = await (lab.service as FileBackupService).openRestore({ id: 'stored', volumeId: volume.id });
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    taken = { manifest, stream: Buffer.concat(chunks) };
  });
  afterAll(() => {
    taken = undefined as unknown as Taken;
  });

  /** The backup, in the lab's own backup service. */
  async function stored(lab: VcsimLab): Promise<{ id: string; volumeId: string }> {
    const backup = { id: 'stored', volumeId: taken.manifest.volumeId };
    const writer = await lab.backups.openBackup(backup);
    await writer.write(taken.stream);
    await writer.commit(taken.manifest);
    return backup;
  }

  test.each(modes)('%s: a restore to a new volume, and over it, and larger', async (mode) => {
    await using lab = await VcsimLab.start(peer, { mode });
    const uploads: Uploaded[] = [];
    const driver = lab.driver({}, notingUploads(lab.vim, uploads));
    const backup = await stored(lab);
    const others = await lab.vmNames();
    const volume = { id: randomUUID(), size: 1 };

    expect(await driver.restoreBackup(backup, volume)).toMatchObject({ created: true, cleanup: 'done' });
    const first = await lab.backingOf(volume);
    expect(first.vm).toMatchObject({ name: `volume-${volume.id}`, 'config.instanceUuid': volume.id });
    expect(first.backing.uuid).toBe(volume.id);

    expect(await driver.restoreBackup(backup, volume)).toMatchObject({ created: false, cleanup: 'done' });
    const second = await lab.backingOf(volume);
    expect(second.ref).toEqual(first.ref);
    expect(second.backing.fileName).not.toBe(first.backing.fileName);
    // vcsim does not keep what SetVirtualDiskUuid sets: the attached disk was given it.
    expect(second.backing.uuid).toBe(volume.id);
    const slot = ({ disk }: typeof first) => [disk.controllerKey, disk.unitNumber];
    expect(slot(second)).toEqual(slot(first));

    expect(await driver.restoreBackup(backup, { ...volume, size: 3 })).toMatchObject({ extended: true });
    const third = await lab.backingOf(volume);
    expect(third.ref).toEqual(first.ref);
    expect(third.disk.capacityInBytes).toBe(3 * bytesPerGiB);

    // The server hashed what it was sent: three times the stored stream, to the byte.
    const whole = { sha1: sha1(taken.stream), size: taken.stream.length };
    expect(uploads).toEqual([whole, whole, whole]);
    expect((await lab.vmNames()).sort()).toEqual([...others, `volume-${volume.id}`].sort());
    expect(await lab.temporaryFiles()).toEqual([]);
    expect(await driver.recover({ olderThanMs: 0 })).toEqual({ restores: [], temporaryFiles: [] });
    expect(await driver.deleteBacking(volume)).toBe(true);
    exercised(peer, `${mode}: restore as new, over existing, larger (import by NFC)`, (await lab.vcsim.requests()).all);
  });

  test.each(modes)('%s: a restore that is cancelled or refused leaves nothing', async (mode) => {
    await using lab = await VcsimLab.start(peer, { mode });
    const driver = lab.driver();
    const backup = await stored(lab);
    const volume = { id: randomUUID(), size: 1 };
    await driver.createBacking(volume);
    const before = await lab.backingOf(volume);
    const names = await lab.vmNames();

    const cancelled = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === 'swap') cancelled.abort();
    };
    expect(
      await refusal(() => driver.restoreBackup(backup, volume, { signal: cancelled.signal, onProgress })),
    ).toBeInstanceOf(AbortError);

    // The one call that exchanges the disks fails on the server, with the old disk already taken away.
    const failing: VimSession['invoke'] = (method, target, args, options) => {
      const sent = JSON.stringify(args);
      const exchange = method === 'ReconfigVM_Task' && sent.includes('"remove"') && sent.includes('"add"');
      const wrong = exchange ? (JSON.parse(sent.replace(/-restored-\w+/g, '-nowhere')) as typeof args) : args;
      return lab.vim.invoke(method, target, wrong, options);
    };
    const { vim } = lab;
    const session: VimSession = {
      serviceContent: vim.serviceContent,
      host: vim.host,
      port: vim.port,
      invoke: failing,
      download: (url, options) => vim.download(url, options),
      upload: (url, source, options) => vim.upload(url, source, options),
    };
    const refused = await refusal(() => lab.driver({}, session).restoreBackup(backup, volume));
    expect(refused).toBeInstanceOf(VimFault);
    expect(refused).toMatchObject({ faultName: 'FileNotFound' });

    const after = await lab.backingOf(volume);
    expect([after.ref, after.backing.fileName]).toEqual([before.ref, before.backing.fileName]);
    expect((await lab.vmNames()).sort()).toEqual(names.sort());
    expect(await lab.temporaryFiles()).toEqual([]);
    exercised(peer, `${mode}: restore cancelled, exchange refused`, (await lab.vcsim.requests()).all);
  });

  test.each(modes)('%s: a backup is refused, for vcsim exports nothing, and leaves nothing', async (mode) => {
    await using lab = await VcsimLab.start(peer, { mode });
    const volume = { id: randomUUID(), size: 1 };
    const refused = await refusal(() => lab.driver().backupVolume({ id: 'b', volumeId: volume.id }, volume));
    expect(refused).toBeInstanceOf(VimFault);
    expect(refused).toMatchObject({ faultName: 'MethodNotFound', method: 'ExportVm' });
    expect(await lab.temporaryFiles()).toEqual([]);
    await expect(readFile(join(lab.directory, 'backups', 'b'))).rejects.toThrow();
    exercised(peer, `${mode}: backup (no ExportVm)`, (await lab.vcsim.requests()).all);
  });
});
