import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BackupNotFoundError, throwIfAborted } from '../../src/errors/index.js';
import type {
  Backup,
  BackupManifest,
  BackupService,
  BackupWriter,
  ListOptions,
  ServiceBackupOptions,
  ServiceOptions,
  StoredBackup,
  VolumeFile,
} from '../../src/services/index.js';

interface Stored {
  readonly volumeId: string;
  readonly storedAt: string;
  readonly bytes: Buffer;
  readonly manifest: BackupManifest | undefined;
}

/** The smallest service that keeps the whole contract; for tests, since it holds every stream in memory. */
export class MemoryBackupService implements BackupService {
  readonly #backups = new Map<string, Stored>();

  async backup(backup: Backup, file: VolumeFile, { signal, manifest }: ServiceBackupOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const bytes = await readFile(file.path);
    throwIfAborted(signal);
    this.#keep(backup, bytes, manifest);
  }

  async restore(backup: Backup, _volumeId: string, file: VolumeFile, { signal }: ServiceOptions = {}): Promise<void> {
    throwIfAborted(signal);
    await writeFile(file.path, this.#find(backup).bytes);
  }

  async delete(backup: Backup, { signal }: ServiceOptions = {}): Promise<void> {
    throwIfAborted(signal);
    this.#backups.delete(backup.id);
  }

  async *list({ volumeId, signal }: ListOptions = {}): AsyncGenerator<StoredBackup> {
    for (const [id, stored] of this.#backups) {
      throwIfAborted(signal);
      if (volumeId !== undefined && volumeId !== stored.volumeId) continue;
      const { bytes, storedAt, manifest } = stored;
      yield { id, volumeId: stored.volumeId, streamBytes: bytes.length, storedAt, manifest };
    }
  }

  async readManifest(backup: Backup): Promise<BackupManifest | undefined> {
    return this.#backups.get(backup.id)?.manifest;
  }

  async openBackup(backup: Backup, { signal }: ServiceOptions = {}): Promise<BackupWriter> {
    const chunks: Uint8Array[] = [];
    let ended = false;
    const takeMore = () => {
      throwIfAborted(signal);
      if (ended) throw new Error('the writer has ended');
    };
    return {
      write: async (chunk) => {
        takeMore();
        chunks.push(Uint8Array.from(chunk));
      },
      commit: async (manifest) => {
        takeMore();
        ended = true;
        this.#keep(backup, Buffer.concat(chunks), manifest);
      },
      abort: async () => {
        ended = true;
      },
    };
  }

  async openRestore(backup: Backup, { signal }: ServiceOptions = {}): Promise<{ stream: Readable; length: number }> {
    const { bytes } = this.#find(backup);
    const chunks = function* () {
      for (let offset = 0; offset < bytes.length; offset += 65_536) {
        throwIfAborted(signal);
        yield bytes.subarray(offset, offset + 65_536);
      }
    };
    return { stream: Readable.from(chunks(), { objectMode: false }), length: bytes.length };
  }

  #keep({ id, volumeId }: Backup, bytes: Buffer, manifest: BackupManifest | undefined): void {
    this.#backups.set(id, { volumeId, storedAt: new Date().toISOString(), bytes, manifest });
  }

  #find(backup: Backup): Stored {
    const stored = this.#backups.get(backup.id);
    if (stored === undefined) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
    return stored;
  }
}
