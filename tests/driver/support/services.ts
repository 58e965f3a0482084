import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Backup, BackupManifest, BackupService, BackupWriter, MoRef, VimSession } from '../../../src/index.js';

/** A service that takes and gives files only, as a client that reads block devices and files does (TSM). */
export function filesOnly(service: BackupService, changes: Partial<BackupService> = {}): BackupService {
  return {
    backup: (backup, file, options) => service.backup(backup, file, options),
    restore: (backup, volumeId, file, options) => service.restore(backup, volumeId, file, options),
    readManifest: async (backup, options) => service.readManifest?.(backup, options),
    ...changes,
  };
}

/** A service that has one backup: these bytes, and this manifest if it keeps one. */
export function serviceOf(bytes: Buffer, manifest?: BackupManifest): BackupService {
  return {
    backup: async () => {},
    restore: async (_backup, _volumeId, file) => writeFile(file.path, bytes),
    readManifest: async () => manifest,
    openRestore: async () => ({ stream: Readable.from(slices(bytes), { objectMode: false }) }),
  };
}

/** A service whose restored file differs from the one that was stored. */
export function restoringOtherwise(service: BackupService, change: (path: string) => Promise<void>): BackupService {
  return filesOnly(service, {
    async restore(backup, volumeId, file, options) {
      await service.restore(backup, volumeId, file, options);
      await change(file.path);
    },
  });
}

/** As Ceph gives a file back: padded with zeros to a whole number of MiB (there: GiB). */
export async function padWithZeros(path: string): Promise<void> {
  const { length } = await readFile(path);
  await truncate(path, Math.ceil((length + 1) / 1_048_576) * 1_048_576);
}

/** As a sparse restore gives a file back: without the zeros at its end. */
export async function dropTrailingZeros(path: string): Promise<void> {
  const bytes = await readFile(path);
  await truncate(path, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

export const appendGarbage = (path: string): Promise<void> => appendFile(path, 'garbage');

export async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** A service that takes streams by this writer, which may be slow or fail. */
export function writingTo(writer: Partial<BackupWriter>): BackupService {
  return {
    backup: async () => {},
    restore: async () => {},
    openBackup: async (_backup: Backup) => ({
      write: async () => {},
      commit: async () => {},
      abort: async () => {},
      ...writer,
    }),
  };
}

/** A session of which some things are otherwise. */
export function sessionWith(vim: VimSession, changes: Partial<VimSession>): VimSession {
  return {
    serviceContent: vim.serviceContent,
    host: vim.host,
    port: vim.port,
    invoke: (method, target, args, options) => vim.invoke(method, target, args, options),
    download: (url, options) => vim.download(url, options),
    upload: (url, source, options) => vim.upload(url, source, options),
    ...changes,
  };
}

interface ToldObject {
  readonly obj: MoRef;
  readonly propSet?: readonly { readonly name: string; readonly val: unknown }[];
}

/** A session whose server tells another value of a property than it has; `undefined` leaves it out. */
export function tellingOtherwise(
  vim: VimSession,
  path: string,
  tell: (value: unknown, object: MoRef) => unknown,
): VimSession {
  const told = ({ propSet = [], ...rest }: ToldObject): ToldObject => ({
    ...rest,
    propSet: propSet
      .map(({ name, val }) => ({ name, val: name === path ? tell(val, rest.obj) : val }))
      .filter(({ val }) => val !== undefined),
  });
  return sessionWith(vim, {
    invoke: async (method, target, args, options) => {
      const result: unknown = await vim.invoke(method, target, args, options);
      const { objects } = (result ?? {}) as { readonly objects?: readonly ToldObject[] };
      return (objects === undefined ? result : { ...(result as object), objects: objects.map(told) }) as never;
    },
  });
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
