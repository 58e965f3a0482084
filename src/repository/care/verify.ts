import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type ErrorCode, ObjectNotFoundError, throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import { callbackSchema, signalSchema } from '../../live-input.js';
import { quietly } from '../../quietly.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { DigestedChunks } from '../../stream/digested-chunks.js';
import { drain } from '../../stream/drain.js';
import { readWhole } from '../../stream/read-whole.js';
import { damageKey, isRecordKey, rootKey, volumesPrefix } from '../format/names.js';
import { directoryOf, type PackRecord } from '../format/pack.js';
import { packKey, type PackKind, parsePackKey } from '../format/pack-id.js';
import { type BackupRecord, parseRecord } from '../format/record.js';
import type { Root } from '../format/root.js';
import { BackupChunks } from '../read/backup-chunks.js';
import { brokenBlobs } from '../read/check-pack.js';
import { readObject, readRoot, type Repository } from '../repository.js';

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

interface CheckedPack {
  readonly kind: PackKind;
  readonly record: PackRecord;
  readonly backups: BackupRecord[];
}

const dayMs = 24 * 60 * 60 * 1000;

/** What errors say that something is not as it was stored. Any other says that it could not be looked at. */
const damageCodes: ReadonlySet<ErrorCode> = new Set(['REPOSITORY_DAMAGED', 'WRONG_KEY', 'UNSUPPORTED_BACKUP']);

/**
 * Verifies a repository and goes on at each damage, so that all of it is told. Packs that are broken are noted in the store:
 * the next backup of a volume stores their grains anew.
 */
export async function verifyRepository(
  repository: Repository,
  { level = 'existence', sample = 0.05, signal, onProgress }: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = quietly(onProgress);
  const damage: Damage[] = [];
  const packs = new Map<string, CheckedPack>();
  const backups: { readonly record: BackupRecord; readonly root: Root }[] = [];
  for await (const { key } of repository.store.list(volumesPrefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const found = await readBackup(repository, key, damage, signal);
    if (found === undefined) continue;
    backups.push(found);
    addPacks(packs, found);
  }
  const present = await listPacks(repository, signal);
  let packsRead = 0;
  let packsDone = 0;
  for (const [key, pack] of packs) {
    throwIfAborted(signal);
    const isRead = level === 'full' || (level === 'sample' && isInSample(pack.record.id, sample));
    const problem =
      (await existenceProblem(repository, key, pack, present, signal)) ??
      (isRead ? await contentProblem(repository, present.get(key)?.key ?? key, pack, signal) : undefined);
    if (isRead) packsRead += 1;
    if (problem !== undefined) {
      damage.push({ key, problem, backups: pack.backups.map(nameOf) });
      await repository.store.put(damageKey(pack.record.id), Buffer.from(problem), { signal });
    }
    report?.({ packsDone: ++packsDone, packsTotal: packs.size });
  }
  if (level === 'full') {
    for (const { record, root } of backups) await verifyStream(repository, record, root, damage, signal);
  }
  return { backups: backups.length, packs: packs.size, packsRead, damage };
}

function nameOf({ backupId, volumeId }: BackupRecord) {
  return { backupId, volumeId };
}

async function readBackup(
  repository: Repository,
  key: string,
  damage: Damage[],
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
    if (record === undefined) damage.push({ key, problem, backups: [] });
    else
      damage.push({
        key: rootKey(record.volumeId, record.backupId, record.attempt),
        problem,
        backups: [nameOf(record)],
      });
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

async function existenceProblem(
  { store }: Repository,
  key: string,
  { record }: CheckedPack,
  present: ReadonlyMap<string, ObjectInfo>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  // A list may lack what is there: a store that lists late is asked for the object itself.
  const info = present.get(key) ?? (await store.stat(key, { signal }));
  if (info === undefined) return 'is missing';
  if (info.key !== key && info.size < record.bytes) return undefined;
  return info.size === record.bytes ? undefined : `has ${info.size} bytes, ${record.bytes} were put`;
}

/** Packs take turns: on the nth day those whose number begins with the nth part. */
function isInSample(pack: string, sample: number): boolean {
  const parts = Math.max(1, Math.round(1 / sample));
  const today = Math.floor(Date.now() / dayMs) % parts;
  return Number.parseInt(createHash('sha256').update(pack).digest('hex').slice(0, 8), 16) % parts === today;
}

async function contentProblem(
  { store, vault }: Repository,
  key: string,
  { record }: CheckedPack,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const bytes = await readWhole(await store.get(key, { signal }));
    const directory = directoryOf(record, bytes, bytes.length);
    if (directory === undefined) return 'has another directory than was stored';
    const broken = await brokenBlobs(vault, record, bytes, directory);
    return broken === 0 ? undefined : `${broken} of ${record.blobs} blobs have other bytes`;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return 'is missing';
    return problemOf(error, signal);
  }
}

/** Puts the backup together, and holds it against its manifest. */
async function verifyStream(
  repository: Repository,
  record: BackupRecord,
  root: Root,
  damage: Damage[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const key = `${record.volumeId}/${record.backupId}`;
  const backups = [nameOf(record)];
  try {
    const chunks = new DigestedChunks(new BackupChunks(repository, root, record.streamBytes, signal));
    await drain(chunks, signal ?? new AbortController().signal);
    const { sha256 } = chunks.digests;
    const expected = record.manifest?.sha256 ?? sha256;
    if (sha256 !== expected)
      damage.push({ key, problem: `its SHA-256 is ${sha256 ?? ''}, not ${expected ?? ''}`, backups });
  } catch (error) {
    damage.push({ key, problem: problemOf(error, signal), backups });
  }
}

/** What is broken is told; what prevents looking ends the verification. */
function problemOf(error: unknown, signal: AbortSignal | undefined): string {
  throwIfAborted(signal);
  if (!(error instanceof VmdkDriverError && damageCodes.has(error.code))) throw error;
  return error.message;
}
