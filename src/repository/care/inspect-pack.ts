import { ObjectNotFoundError } from '../../errors/index.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { readWhole } from '../../stream/read-whole.js';
import { directoryOf, type PackRecord } from '../format/pack.js';
import { packKey, type PackKind } from '../format/pack-id.js';
import type { BackupRecord } from '../format/record.js';
import { brokenBlobs } from '../read/check-pack.js';
import { findRewriting } from '../read/find-rewriting.js';
import type { Repository } from '../repository.js';
import { problemOf } from './problem-of.js';

/** A pack that is to be looked at. */
export interface CheckedPack {
  readonly kind: PackKind;
  readonly record: PackRecord;
  /** Those that need it. */
  readonly backups: BackupRecord[];
}

/** What a look at a pack found. */
export interface InspectedPack {
  /** What is wrong with it; undefined where nothing is, as far as was looked. */
  readonly problem: string | undefined;
  /** Whether it was read to its last byte. */
  readonly wasRead: boolean;
}

/**
 * Looks at a pack. Where it was, it need not be any more when its turn comes: it is looked for again, as a reader does.
 *
 * @param listed where it was when the packs were listed; a list may lack what is there
 * @param read whether it is to be read to its last byte, where it is there in its length
 */
export async function inspectPack(
  repository: Repository,
  pack: CheckedPack,
  listed: ObjectInfo | undefined,
  read: boolean,
  signal: AbortSignal | undefined,
): Promise<InspectedPack> {
  const gone = new Set<string>();
  for (;;) {
    const info = (gone.size === 0 ? listed : undefined) ?? (await findPack(repository, pack, gone, signal));
    if (info === undefined) return { problem: 'is missing', wasRead: false };
    const problem = lengthProblem(info, pack);
    if (problem !== undefined || !read) return { problem, wasRead: false };
    try {
      return await readPack(repository, info.key, pack, signal);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      gone.add(info.key);
    }
  }
}

/** @param gone keys at which it is not any more */
async function findPack(
  { store }: Repository,
  { kind, record: { id } }: CheckedPack,
  gone: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  const key = packKey(kind, id);
  const own = gone.has(key) ? undefined : await store.stat(key, { signal });
  return own ?? findRewriting(store, kind, id, signal, gone);
}

function lengthProblem({ key, size }: ObjectInfo, { kind, record: { id, bytes } }: CheckedPack): string | undefined {
  if (size === bytes) return undefined;
  // A rewriting is shorter.
  if (key !== packKey(kind, id) && size < bytes) return undefined;
  return `has ${size} bytes, ${bytes} were put`;
}

/** @throws ObjectNotFoundError */
async function readPack(
  { store, vault }: Repository,
  key: string,
  { record }: CheckedPack,
  signal: AbortSignal | undefined,
): Promise<InspectedPack> {
  let wasRead = false;
  try {
    const bytes = await readWhole(await store.get(key, { signal }));
    wasRead = true;
    const directory = directoryOf(record, bytes, bytes.length);
    if (directory === undefined) return { problem: 'has another directory than was stored', wasRead };
    const broken = await brokenBlobs(vault, record, bytes, directory);
    return { problem: broken === 0 ? undefined : `${broken} of ${record.blobs} blobs have other bytes`, wasRead };
  } catch (error) {
    if (error instanceof ObjectNotFoundError) throw error;
    return { problem: problemOf(error, signal), wasRead };
  }
}
