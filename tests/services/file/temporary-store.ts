import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backup, FileBackupService } from '../../../src/services/index.js';

/** A service on a directory of its own, and a place for files beside it. */
export class TemporaryStore {
  readonly service: FileBackupService;
  readonly directory: string;
  readonly #root: string;
  #fileCount = 0;

  static async create(): Promise<TemporaryStore> {
    return new TemporaryStore(await mkdtemp(join(tmpdir(), 'file-backup-service-')));
  }

  private constructor(root: string) {
    this.#root = root;
    this.directory = join(root, 'store');
    this.service = new FileBackupService({ directory: this.directory });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async file(bytes: Uint8Array = Buffer.alloc(0)): Promise<{ path: string }> {
    const path = join(this.#root, `file-${this.#fileCount++}`);
    await writeFile(path, bytes);
    return { path };
  }

  /** Stores random bytes, without a manifest, and returns them. */
  async fill(backup: Backup, length = 1000): Promise<Buffer> {
    const bytes = randomBytes(length);
    await this.service.backup(backup, await this.file(bytes));
    return bytes;
  }

  async restored(backup: Backup): Promise<Buffer> {
    const file = await this.file();
    await this.service.restore(backup, backup.volumeId, file);
    return readFile(file.path);
  }

  /** Everything in the directory, sorted. */
  async names(): Promise<string[]> {
    return (await readdir(this.directory)).sort();
  }

  /** The path of the one data file there is. */
  async dataPath(): Promise<string> {
    const [name, ...others] = (await this.names()).filter((each) => each.endsWith('.vmdk'));
    if (name === undefined || others.length > 0) throw new Error('not exactly one data file');
    return this.path(name);
  }
}
