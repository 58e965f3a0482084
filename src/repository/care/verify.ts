import { createHash } from 'node:crypto';
import * as z from 'zod';
import { throwIfAborted } from '../../errors/index.js';
import { callbackSchema, signalSchema } from '../../live-input.js';
import { quietly } from '../../quietly.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { DigestedChunks } from '../../stream/digested-chunks.js';
import { drain } from '../../stream/drain.js';
import { isRecordKey, rootKey, volumesPrefix } from '../format/names.js';
import { packKey, parsePackKey } from '../format/pack-id.js';
import { type BackupRecord, parseRecord } from '../format/record.js';
import type { Root } from '../format/root.js';
import { assertStillThere } from '../open-repository.js';
import { BackupChunks } from '../read/backup-chunks.js';
import { isCommitted, readObject, readRoot, type Repository } from '../repository.js';
import { DamageNotes } from './damage-notes.js';
import { type CheckedPack, inspectPack } from './inspect-pack.js';
import { problemOf } from './problem-of.js';

/** How a repository is verified. */
export interface VerifyOptions {
  /**
   * `existence`: records and roots can be read, and every pack is there in its length. `sample`: a part of the packs is read
   * as well, another part each day. `full`: every pack is read, and every backup put together. Default `existence`.
   */
  readonly level?: 'existence' | 'sample' | 'full' | undefined;
  /** The part of the packs that `sample` reads, up to 1; after 1 / sample days all were read. Default 0.05. */
  readonly sample?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each pack. What it throws or rejects with costs nothing. */
  readonly onProgress?: ((progress: { readonly packsDone: number; readonly packsTotal: number }) => void) | undefined;
}

/** What is accepted for {@link VerifyOptions}. A level or a part that reads nothing would look like a sound repository. */
export const verifyOptionsSchema = z.strictObject({
  level: z.enum(['existence', 'sample', 'full']).optional(),
  sample: z.number().positive().max(1).optional(),
  signal: signalSchema.optional(),
  onProgress: callbackSchema<NonNullable<VerifyOptions['onProgress']>>().optional(),
});

/** Something that is not as it was stored. */
export interface Damage {
  /** The object, or the backup where it is none by itself. */
  readonly key: string;
  readonly problem: string;
  /** The backups that need it. */
  readonly backups: readonly { readonly backupId: string; readonly volumeId: string }[];
}

/** What a verification found. */
export interface VerifyReport {
  readonly backups: number;
  readonly packs: number;
  /** Packs that were read to their last byte. */
  readonly packsRead: number;
  /** All of it. Empty where the repository is whole, as far as the level goes. */
  readonly damage: readonly Damage[];
}

/** What may be damage: a backup that was deleted meanwhile needs nothing any more. */
interface Suspicion {
  readonly key: string;
  readonly problem: string;
  /** None where a record itself cannot be read. */
  readonly backups: readonly BackupRecord[];
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Verifies a repository and goes on at each damage, so that all of it is told. Packs that are broken are noted in the store:
 * the next backup of a volume stores their grains anew. The note goes once a verification finds the pack whole, or, where no backup
 * runs and all can be read, not needed.
 *
 * It may take long. What compaction rewrites meanwhile is found again, and what is deleted and collected meanwhile is no damage. Of all the
 * roots, which may be large, it holds one at a time.
 */
export async function verifyRepository(
  repository: Repository,
  { level = 'existence', sample = 0.05, signal, onProgress }: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = quietly(onProgress);
  const suspicions: Suspicion[] = [];
  const packs = new Map<string, CheckedPack>();
  const records: BackupRecord[] = [];
  const notes = await DamageNotes.find(repository.store, signal);
  for await (const { key } of repository.store.list(volumesPrefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const found = await readBackup(repository, key, suspicions, signal);
    if (found === undefined) continue;
    records.push(found.record);
    addPacks(packs, found);
  }
  // What a backup needs that cannot be read is not known.
  const isNeedKnown = suspicions.length === 0;
  // Where the file system with it went, nothing is listed, and all would look sound.
  await assertStillThere(repository, signal);
  const present = await listPacks(repository, signal);
  let packsRead = 0;
  let packsDone = 0;
  for (const [key, pack] of packs) {
    throwIfAborted(signal);
    const read = level === 'full' || (level === 'sample' && isInSample(pack.record.id, sample));
    const { problem, wasRead } = await inspectPack(repository, pack, present.get(key), read, signal);
    if (wasRead) packsRead += 1;
    if (problem !== undefined) {
      suspicions.push({ key, problem, backups: pack.backups });
      if (await isAnyCommitted(repository, pack.backups, signal)) await notes.put(pack.record.id, problem);
    } else if (wasRead) {
      notes.whole(pack.record.id);
    }
    report?.({ packsDone: ++packsDone, packsTotal: packs.size });
  }
  if (level === 'full') {
    for (const record of records) {
      const problem = await streamProblem(repository, record, signal);
      if (problem === undefined) continue;
      suspicions.push({ key: `${record.volumeId}/${record.backupId}`, problem, backups: [record] });
    }
  }
  const damage = await confirm(repository, suspicions, signal);
  // Or where it went meanwhile, everything would seem to have been deleted.
  await assertStillThere(repository, signal);
  await notes.removeOutdated(isNeedKnown ? new Set([...packs.values()].map(({ record }) => record.id)) : undefined);
  return { backups: records.length, packs: packs.size, packsRead, damage };
}

/** The suspicions that hold: those of backups that are still there. Each of these is looked for once. */
async function confirm(
  repository: Repository,
  suspicions: readonly Suspicion[],
  signal: AbortSignal | undefined,
): Promise<Damage[]> {
  const committed = new Set<BackupRecord>();
  for (const record of new Set(suspicions.flatMap(({ backups }) => backups))) {
    if (await isAnyCommitted(repository, [record], signal)) committed.add(record);
  }
  return suspicions.flatMap(({ key, problem, backups }) => {
    const left = backups.filter((record) => committed.has(record));
    return backups.length > 0 && left.length === 0 ? [] : [{ key, problem, backups: left.map(nameOf) }];
  });
}

/** Whether one of the backups is still there, as far as can be told. */
async function isAnyCommitted(
  repository: Repository,
  records: readonly BackupRecord[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const record of records) {
    try {
      if (await isCommitted(repository, record, signal)) return true;
    } catch (error) {
      // A record that has come to be broken.
      problemOf(error, signal);
      return true;
    }
  }
  return false;
}

function nameOf({ backupId, volumeId }: BackupRecord) {
  return { backupId, volumeId };
}

async function readBackup(
  repository: Repository,
  key: string,
  suspicions: Suspicion[],
  signal: AbortSignal | undefined,
): Promise<{ readonly record: BackupRecord; readonly root: Root } | undefined> {
  let record: BackupRecord | undefined;
  try {
    const bytes = await readObject(repository.store, key, signal);
    // Deleted since it was listed.
    if (bytes === undefined) return undefined;
    record = parseRecord(bytes, key, repository.vault);
    return { record, root: await readRoot(repository, record, signal) };
  } catch (error) {
    const problem = problemOf(error, signal);
    const root = record && rootKey(record.volumeId, record.backupId, record.attempt);
    suspicions.push({ key: root ?? key, problem, backups: record === undefined ? [] : [record] });
    return undefined;
  }
}

function addPacks(
  packs: Map<string, CheckedPack>,
  { record, root }: { readonly record: BackupRecord; readonly root: Root },
): void {
  for (const kind of ['data', 'map'] as const) {
    for (const pack of kind === 'data' ? root.dataPacks : root.mapPacks) {
      const key = packKey(kind, pack.id);
      const known = packs.get(key);
      if (known === undefined) packs.set(key, { kind, record: pack, backups: [record] });
      else known.backups.push(record);
    }
  }
}

/** Where each pack is: what has it, by the key it was put at. */
async function listPacks({ store }: Repository, signal: AbortSignal | undefined): Promise<Map<string, ObjectInfo>> {
  const found = new Map<string, ObjectInfo>();
  for (const prefix of ['data/', 'map/']) {
    for await (const info of store.list(prefix, { signal })) {
      const name = parsePackKey(info.key);
      if (name === undefined) continue;
      const key = packKey(name.kind, name.pack);
      // As a reader has it: a rewriting counts where the pack itself is gone, and the shortest of several.
      const known = found.get(key);
      if (info.key === key || known === undefined || (known.key !== key && info.size < known.size))
        found.set(key, info);
    }
  }
  return found;
}

/** Packs take turns: on the nth day those whose number begins with the nth part. */
function isInSample(pack: string, sample: number): boolean {
  const parts = Math.max(1, Math.round(1 / sample));
  const today = Math.floor(Date.now() / dayMs) % parts;
  return Number.parseInt(createHash('sha256').update(pack).digest('hex').slice(0, 8), 16) % parts === today;
}

/** Puts the backup together, and holds it against its manifest. */
async function streamProblem(
  repository: Repository,
  record: BackupRecord,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const root = await readRoot(repository, record, signal);
    const chunks = new DigestedChunks(new BackupChunks(repository, root, record.streamBytes, signal));
    await drain(chunks, signal ?? new AbortController().signal);
    const { sha256 } = chunks.digests;
    const expected = record.manifest?.sha256 ?? sha256;
    return sha256 === expected ? undefined : `its SHA-256 is ${sha256 ?? ''}, not ${expected ?? ''}`;
  } catch (error) {
    return problemOf(error, signal);
  }
}
