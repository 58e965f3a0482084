import { readFile, truncate, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
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
import { backupServiceChecks } from '../../src/testing/index.js';
import { MemoryBackupService } from '../services/memory-backup-service.js';

/** Loses the last byte. */
class LosesTheEnd extends MemoryBackupService {
  override async restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceOptions): Promise<void> {
    await super.restore(backup, volumeId, file, options);
    const { length } = await readFile(file.path);
    await truncate(file.path, length - 1);
  }
}

class DropsZeros extends MemoryBackupService {
  override async restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceOptions): Promise<void> {
    await super.restore(backup, volumeId, file, options);
    const bytes = await readFile(file.path);
    let { length } = bytes;
    while (length > 0 && bytes[length - 1] === 0) length--;
    await truncate(file.path, length);
  }
}

class NeedsOptions extends MemoryBackupService {
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    if (options === undefined) throw new TypeError('options is undefined');
    await super.backup(backup, file, options);
  }
}

class EmptiesTheFile extends MemoryBackupService {
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    await super.backup(backup, file, options);
    await writeFile(file.path, '');
  }
}

class RestoresOnce extends MemoryBackupService {
  override async restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceOptions): Promise<void> {
    await super.restore(backup, volumeId, file, options);
    await this.delete(backup);
  }
}

class InventsBackups extends MemoryBackupService {
  override async restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceOptions): Promise<void> {
    await super.restore(backup, volumeId, file, options).catch(() => undefined);
  }
  override async openRestore(backup: Backup, options?: ServiceOptions): Promise<{ stream: Readable; length: number }> {
    return super.openRestore(backup, options).catch(() => ({ stream: Readable.from([]), length: 0 }));
  }
}

const asOne = (backup: Backup): Backup => ({ ...backup, id: backup.volumeId });

/** One backup for each volume. */
class OnePerVolume extends MemoryBackupService {
  override backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    return super.backup(asOne(backup), file, options);
  }
  override restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceOptions): Promise<void> {
    return super.restore(asOne(backup), volumeId, file, options);
  }
}

/** Two backups of one id at once become a mix. */
class Mixes extends MemoryBackupService {
  #first: Buffer | undefined;
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    const bytes = await readFile(file.path);
    this.#first ??= bytes;
    await writeFile(file.path, Buffer.concat([this.#first.subarray(0, 1000), bytes.subarray(1000)]));
    await super.backup(backup, file, options);
  }
}

class NeverReplaces extends MemoryBackupService {
  readonly #known = new Set<string>();
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    if (this.#known.has(backup.id)) return;
    await super.backup(backup, file, options);
    this.#known.add(backup.id);
  }
}

/** Removes what was there before it knows what comes. */
class RemovesFirst extends MemoryBackupService {
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    await this.delete(backup);
    await super.backup(backup, file, options);
  }
  override async openBackup(backup: Backup, options?: ServiceOptions): Promise<BackupWriter> {
    await this.delete(backup);
    return super.openBackup(backup, options);
  }
}

class IgnoresSignal extends MemoryBackupService {
  override restore(backup: Backup, volumeId: string, file: VolumeFile): Promise<void> {
    return super.restore(backup, volumeId, file);
  }
  override delete(backup: Backup): Promise<void> {
    return super.delete(backup);
  }
  override openBackup(backup: Backup): Promise<BackupWriter> {
    return super.openBackup(backup);
  }
  override openRestore(backup: Backup): Promise<{ stream: Readable; length: number }> {
    return super.openRestore(backup);
  }
}

class DeletesAll extends MemoryBackupService {
  readonly #known = new Set<Backup>();
  override backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    this.#known.add(backup);
    return super.backup(backup, file, options);
  }
  override async delete(): Promise<void> {
    for (const backup of this.#known) await super.delete(backup);
  }
}

/** A deleted id stays deleted. */
class Tombstones extends MemoryBackupService {
  readonly #dead = new Set<string>();
  override async delete(backup: Backup): Promise<void> {
    this.#dead.add(backup.id);
    await super.delete(backup);
  }
  override async backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void> {
    if (!this.#dead.has(backup.id)) await super.backup(backup, file, options);
  }
}

/** Gives the first manifest it got of an id, for ever. */
class KeepsFirstManifest extends MemoryBackupService {
  readonly #manifests = new Map<string, BackupManifest>();
  override backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<void> {
    const manifest = this.#manifests.get(backup.id) ?? options.manifest;
    if (manifest !== undefined) this.#manifests.set(backup.id, manifest);
    return super.backup(backup, file, { ...options, manifest });
  }
}

class ListsTwice extends MemoryBackupService {
  override async *list(options?: ListOptions): AsyncGenerator<StoredBackup> {
    for await (const backup of super.list(options)) yield* [backup, backup];
  }
}

class ListsAll extends MemoryBackupService {
  override list(options: ListOptions = {}): AsyncGenerator<StoredBackup> {
    return super.list({ signal: options.signal });
  }
}

/** Spoils what is written. */
function spoilsWriter(spoil: (writer: BackupWriter, service: BackupService, backup: Backup) => BackupWriter) {
  return class extends MemoryBackupService {
    override async openBackup(backup: Backup, options?: ServiceOptions): Promise<BackupWriter> {
      return spoil(await super.openBackup(backup, options), this, backup);
    }
  };
}

const LosesLastChunk = spoilsWriter((writer) => {
  let held: Uint8Array | undefined;
  return {
    ...writer,
    write: async (chunk) => {
      if (held !== undefined) await writer.write(held);
      held = Uint8Array.from(chunk);
    },
  };
});

const EndsAtEmptyChunk = spoilsWriter((writer) => {
  let ended = false;
  return {
    ...writer,
    write: async (chunk) => {
      ended ||= chunk.length === 0;
      if (!ended) await writer.write(chunk);
    },
  };
});

const KeepsChunks = spoilsWriter((writer) => {
  const chunks: Uint8Array[] = [];
  return {
    ...writer,
    write: async (chunk) => void chunks.push(chunk),
    commit: async (manifest) => {
      for (const chunk of chunks) await writer.write(chunk);
      await writer.commit(manifest);
    },
  };
});

/** What is written is the backup at once. */
class ShowsUncommitted extends MemoryBackupService {
  override async openBackup(backup: Backup, options?: ServiceOptions): Promise<BackupWriter> {
    const writer = await super.openBackup(backup, options);
    return {
      ...writer,
      write: async (chunk) => {
        await writer.write(chunk);
        const shown = await super.openBackup(backup);
        await shown.write(chunk);
        await shown.commit({} as BackupManifest);
      },
    };
  }
}

const GoesOnAfterTheEnd = spoilsWriter((_, service, backup) => {
  const chunks: Uint8Array[] = [];
  return {
    write: async (chunk) => void chunks.push(chunk),
    commit: async (manifest) => {
      const writer = await service.openBackup!.call(new MemoryBackupService(), backup);
      await writer.commit(manifest);
    },
    abort: async () => {},
  };
});

class CutsStreams extends MemoryBackupService {
  override async openRestore(backup: Backup, options?: ServiceOptions): Promise<{ stream: Readable; length: number }> {
    const { stream, length } = await super.openRestore(backup, options);
    const chunks = (await stream.toArray()) as Buffer[];
    return { stream: Readable.from(chunks.slice(0, -1)), length };
  }
}

/** For each check, by the beginning of its name, the services that break what it is about. */
const broken: Readonly<Record<string, readonly (new () => BackupService)[]>> = {
  'gives back exactly': [LosesTheEnd],
  'keeps zeros': [DropsZeros],
  'needs no options': [NeedsOptions],
  'leaves the file': [EmptiesTheFile],
  'restores as often': [RestoresOnce],
  'knows no backup': [InventsBackups],
  'keeps backups of one volume apart': [OnePerVolume],
  'takes different backups at once': [OnePerVolume],
  'ends two calls': [Mixes],
  'replaces a backup': [NeverReplaces],
  'stores nothing where the file is missing': [RemovesFirst],
  'stores nothing when it is aborted': [RemovesFirst],
  'restores nothing': [IgnoresSignal],
  'deletes a backup and no other': [DeletesAll],
  'takes a deleted backup anew': [Tombstones],
  'deletes nothing when it is aborted': [IgnoresSignal],
  'gives back the manifest': [KeepsFirstManifest],
  'has no manifest': [KeepsFirstManifest],
  'lists the backups': [ListsTwice, ListsAll],
  'takes a stream in chunks': [LosesLastChunk],
  'takes chunks of different lengths': [EndsAtEmptyChunk],
  'has done with a chunk': [KeepsChunks],
  'shows nothing of a stream': [ShowsUncommitted],
  'leaves nothing of a stream': [RemovesFirst],
  'takes nothing after a writer': [GoesOnAfterTheEnd],
  'takes nothing after the signal': [IgnoresSignal],
  'gives a stream of what came as a file': [CutsStreams],
  'has no stream': [InventsBackups],
  'ends a stream with an error': [IgnoresSignal],
  'gives a stream of what came as a stream': [CutsStreams],
};

describe('each check fails with a service that breaks what it is about', () => {
  const names = backupServiceChecks(() => new MemoryBackupService()).map(({ name }) => name);

  it.each(names)('%s', async (name) => {
    const [match, ...others] = Object.entries(broken).filter(([beginning]) => name.startsWith(beginning));
    expect(others).toEqual([]);
    const services = match?.[1] ?? [];
    expect(services).not.toEqual([]);
    for (const Service of services) {
      const check = backupServiceChecks(() => ({ service: new Service() })).find((each) => each.name === name);
      await expect(check!.run()).rejects.toThrow();
    }
  });
});

it('tests a service that keeps another in a field, and not that one', async () => {
  const make = () => Object.assign(new LosesTheEnd(), { service: new MemoryBackupService() });
  const check = backupServiceChecks(make).find(({ name }) => name.startsWith('gives back exactly'));
  await expect(check!.run()).rejects.toThrow();
});
