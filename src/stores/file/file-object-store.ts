import { link, open, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { hasErrno } from '../../errors/errno.js';
import { InvalidInputError, ObjectNotFoundError, StoreError, throwIfAborted } from '../../errors/index.js';
import { parseInput } from '../../parse-input.js';
import {
  buffersOf,
  checkKey,
  checkKeys,
  checkPrefix,
  parseCallOptions,
  parseGetOptions,
  parsePutOptions,
} from '../arguments.js';
import { keepsContract } from '../keeps-contract.js';
import type {
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
} from '../object-store.js';
import { FileReadStream } from './file-read-stream.js';
import { Incoming } from './incoming.js';
import { makeDirectory } from './make-directory.js';
import { objectPath } from './object-path.js';
import { assertPrivate } from './private-directory.js';
import { asStoreError } from './store-error.js';
import { syncDirectory } from './sync-directory.js';
import { walk } from './walk.js';

/** How a {@link FileObjectStore} is set up. */
export interface FileObjectStoreOptions {
  /**
   * The directory that holds the objects, absolute or relative to the working directory of now. The first put creates it, mode
   * 0700, where it does not exist. It should hold nothing else, and lie on one file system.
   */
  readonly directory: string;
}

const optionsSchema = z.strictObject({
  directory: z
    .string()
    .min(1)
    .refine((value) => !value.includes('\0'), 'must not hold a NUL'),
});

/** A put that meets deletes emptying its folder makes the folder anew so often. */
const folderTries = 100;

/**
 * Keeps each object as a file of its own. A file is written under another name, synced, and then renamed or linked: a reader sees the
 * whole object or none, whenever a process or the machine dies.
 */
export class FileObjectStore implements ObjectStore {
  /** Puts with `ifAbsent` are decided by the file system's `link()`; nothing can be locked. */
  readonly capabilities = { ifAbsent: 'atomic', retention: false, maxObjectBytes: Number.MAX_SAFE_INTEGER } as const;
  /** The directory that holds the objects, absolute. */
  readonly directory: string;
  readonly #incoming: Incoming;

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: FileObjectStoreOptions) {
    this.directory = resolve(parseInput('options', optionsSchema, options).directory);
    this.#incoming = new Incoming(this.directory);
  }

  /** @internal */
  [keepsContract](): boolean {
    return true;
  }

  async put(key: string, body: ObjectBody, options: PutOptions = {}): Promise<PutResult> {
    const { ifAbsent = false, retainUntil, signal } = parsePutOptions(options);
    const path = this.#pathOf(key);
    const { buffers } = buffersOf(body);
    if (retainUntil !== undefined) {
      throw new InvalidInputError('options.retainUntil', 'a directory cannot lock its files');
    }
    return this.#guarded(signal, `${key} cannot be put`, async () => {
      let created = true;
      const check = () => {
        throwIfAborted(signal);
      };
      await this.#incoming.with(buffers, check, async (temporary) => {
        throwIfAborted(signal);
        created = await publish(temporary, path, ifAbsent);
        if (created) await this.#syncFolders(path);
      });
      return { created };
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    const { range, signal } = parseGetOptions(options);
    const path = this.#pathOf(key);
    return this.#guarded(signal, `${key} cannot be read`, async () => {
      const handle = await open(path, 'r').catch((error: unknown) => {
        throw isGone(error) ? new ObjectNotFoundError(key) : error;
      });
      try {
        const info = await handle.stat();
        if (!info.isFile()) throw new ObjectNotFoundError(key);
        const offset = range?.offset ?? 0;
        const length = range?.length ?? info.size - offset;
        if (length < 0 || offset + length > info.size || (range !== undefined && length === 0)) {
          throw new StoreError(
            'failed',
            `${key} has ${info.size} bytes, and not those from ${offset} on that were asked for`,
          );
        }
        throwIfAborted(signal);
        return new FileReadStream(handle, key, offset, length, signal);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  async stat(key: string, options: StoreCallOptions = {}): Promise<ObjectInfo | undefined> {
    const { signal } = parseCallOptions(options);
    const path = this.#pathOf(key);
    return this.#guarded(signal, `${key} cannot be looked at`, async () => {
      try {
        const info = await stat(path);
        return info.isFile() ? { key, size: info.size, lastModified: info.mtime } : undefined;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    });
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<ObjectInfo, void, undefined> {
    const { signal } = parseCallOptions(options);
    checkPrefix(prefix);
    throwIfAborted(signal);
    try {
      await assertPrivate(this.directory);
      for await (const info of walk(this.directory, prefix)) {
        throwIfAborted(signal);
        yield info;
      }
    } catch (error) {
      throw asStoreError(error, `${this.directory} cannot be listed`);
    }
  }

  async delete(keys: readonly string[], options: StoreCallOptions = {}): Promise<DeleteResult> {
    const { signal } = parseCallOptions(options);
    checkKeys(keys);
    const paths = keys.map((key) => [key, this.#pathOf(key)] as const);
    const deleted: string[] = [];
    const missing: string[] = [];
    const failed: DeleteResult['failed'][number][] = [];
    const folders = new Set<string>();
    for (const [key, path] of paths) {
      throwIfAborted(signal);
      try {
        await unlink(path);
        deleted.push(key);
        folders.add(dirname(path));
      } catch (error) {
        // A directory of this name is no object: EISDIR, and EPERM on some systems.
        const gone = isGone(error) || (await isDirectory(path));
        if (gone) missing.push(key);
        else failed.push({ key, error: asStoreError(error, `${key} cannot be deleted`) });
      }
    }
    for (const folder of folders) await this.#settleFolder(folder);
    return { deleted, missing, retained: [], failed };
  }

  /** Makes an object's name durable, and those of its folders: another put may have made one, and not synced it yet. */
  async #syncFolders(path: string): Promise<void> {
    for (let folder = path; folder !== this.directory;) {
      folder = dirname(folder);
      await syncDirectory(folder).catch((error: unknown) => {
        // Deleted meanwhile, and its folder with it.
        if (!isGone(error)) throw error;
      });
    }
  }

  /** Makes deletions in a folder durable, and removes it and those around it where nothing is left in them. */
  async #settleFolder(folder: string): Promise<void> {
    try {
      await syncDirectory(folder);
      for (let each = folder; each !== this.directory; each = dirname(each)) await rmdir(each);
    } catch {
      // Not empty, or gone already.
    }
  }

  #pathOf(key: string): string {
    checkKey(key);
    return join(this.directory, objectPath(key));
  }

  async #guarded<T>(signal: AbortSignal | undefined, what: string, action: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    try {
      await assertPrivate(this.directory);
      return await action();
    } catch (error) {
      throw asStoreError(error, what);
    }
  }
}

/** Gives a file its name; false where `ifAbsent` found one of that name. */
async function publish(temporary: string, path: string, ifAbsent: boolean): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await makeDirectory(dirname(path));
      await (ifAbsent ? link : rename)(temporary, path);
      return true;
    } catch (error) {
      if (ifAbsent && hasErrno(error, 'EEXIST')) return false;
      // A delete has just removed the folder, as it was empty.
      if (!hasErrno(error, 'ENOENT') || tries === folderTries) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'ENOTDIR');
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
