import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Backup, BackupService, BackupWriter, VolumeFile } from '../../services/index.js';
import { assertBytes } from '../digest.js';
import { manifestOf } from './sample-backup.js';

/** A service under test, and a place for the files that are handed to it. */
export class ServiceLab {
  readonly service: BackupService;
  readonly directory: string;
  readonly #close: () => Promise<void>;
  #fileCount = 0;

  static async create(service: BackupService, close: () => Promise<void>): Promise<ServiceLab> {
    return new ServiceLab(service, close, await mkdtemp(join(tmpdir(), 'backup-service-checks-')));
  }

  private constructor(service: BackupService, close: () => Promise<void>, directory: string) {
    this.service = service;
    this.#close = close;
    this.directory = directory;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    await this.#close();
  }

  get takesStreams(): boolean {
    return this.service.openBackup !== undefined;
  }

  get givesStreams(): boolean {
    return this.service.openRestore !== undefined;
  }

  /** A file as the driver hands one over to be stored. */
  async file(bytes: Uint8Array = Buffer.alloc(0)): Promise<VolumeFile> {
    const path = join(this.directory, `file-${this.#fileCount++}`);
    await writeFile(path, bytes);
    return { path };
  }

  async store(backup: Backup, bytes: Uint8Array): Promise<void> {
    await this.service.backup(backup, await this.file(bytes), { manifest: manifestOf(backup, bytes) });
  }

  async storeStream(backup: Backup, bytes: Uint8Array, chunkLength: number): Promise<void> {
    const writer = await this.open(backup);
    for (let offset = 0; offset < bytes.length; offset += chunkLength) {
      await writer.write(bytes.subarray(offset, offset + chunkLength));
    }
    await writer.commit(manifestOf(backup, bytes));
  }

  async open(backup: Backup, signal?: AbortSignal): Promise<BackupWriter> {
    assert.ok(this.service.openBackup !== undefined);
    return this.service.openBackup(backup, { signal });
  }

  /** The bytes a restore gives. */
  async restored(backup: Backup, volumeId = backup.volumeId): Promise<Buffer> {
    const file = await this.file();
    await this.service.restore(backup, volumeId, file);
    return readFile(file.path);
  }

  /** The bytes a stream gives. */
  async streamed(backup: Backup): Promise<Buffer> {
    assert.ok(this.service.openRestore !== undefined);
    const { stream, length } = await this.service.openRestore(backup);
    const bytes = await buffer(stream);
    if (length !== undefined) assert.equal(bytes.length, length, 'the length that was told with the stream');
    return bytes;
  }

  async expectBytes(backup: Backup, bytes: Uint8Array): Promise<void> {
    assertBytes(await this.restored(backup), bytes, `what was restored of ${backup.id}`);
  }

  async expectNoBackup(backup: Backup): Promise<void> {
    await assert.rejects(this.restored(backup), { code: 'BACKUP_NOT_FOUND' });
  }
}
