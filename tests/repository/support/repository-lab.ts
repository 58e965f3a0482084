import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { BackupManifest } from '../../../src/index.js';
import {
  type CommitResult,
  RepositoryBackupService,
  type RepositoryBackupServiceOptions,
} from '../../../src/repository/index.js';
import { MemoryObjectStore } from '../../testing/memory-object-store.js';

/** The store's clock, in steps of the test's. */
export class SteppedStore extends MemoryObjectStore {
  #now = Date.parse('2026-01-01T00:00:00Z');
  override now = () => new Date(this.#now);

  pass(hours: number): void {
    this.#now += hours * 60 * 60 * 1000;
  }

  get keys(): string[] {
    return [...this.objects.keys()].sort();
  }

  /** All objects, to be compared with those of another moment. */
  snapshot(): Record<string, string> {
    return Object.fromEntries(
      this.keys.map((key) => [key, createHash('sha256').update(this.objects.get(key)!.bytes).digest('hex')]),
    );
  }
}

/** A repository in memory. */
export class RepositoryLab {
  readonly store = new SteppedStore();
  readonly service: RepositoryBackupService;

  static async create(options: Partial<RepositoryBackupServiceOptions> = {}): Promise<RepositoryLab> {
    const lab = new RepositoryLab(options);
    await lab.service.initialize();
    return lab;
  }

  private constructor(options: Partial<RepositoryBackupServiceOptions>) {
    this.service = new RepositoryBackupService({ store: this.store, packBytes: 256 * 1024, ...options });
  }

  async storeStream(id: string, bytes: Buffer, volumeId = 'v1'): Promise<CommitResult> {
    const writer = await this.service.openBackup({ id, volumeId });
    for (let from = 0; from < bytes.length; from += 300_000) await writer.write(bytes.subarray(from, from + 300_000));
    return (await writer.commit(manifestFor(id, volumeId, bytes))) as CommitResult;
  }

  async restored(id: string, volumeId = 'v1'): Promise<Buffer> {
    const { stream } = await this.service.openRestore({ id, volumeId });
    return buffer(stream);
  }
}

export function manifestFor(backupId: string, volumeId: string, bytes: Buffer): BackupManifest {
  return {
    formatVersion: 1,
    backupId,
    volumeId,
    diskFormat: 'streamOptimized',
    streamBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    capacityBytes: 1024 ** 3,
    provisioning: 'thin',
    adapterType: 'lsiLogic',
    startedAt: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:05:06.789Z',
  };
}
