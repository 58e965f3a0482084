import * as z from 'zod';
import { throwIfAborted } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import { callbackSchema, signalSchema } from '../../live-input.js';
import { quietly } from '../../quietly.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { tryDelete } from '../../stores/try-delete.js';
import { formatMarks, type Marks, newMarksKey, noMarks, parseMarks } from '../format/marks.js';
import { attemptOfRootKey, marksPrefix, volumesPrefix } from '../format/names.js';
import { assertStillThere } from '../open-repository.js';
import { readObject, type Repository } from '../repository.js';
import { compactPacks, type DeadGrains } from './compact-packs.js';
import { attemptOfKey, findDeadLeases, findDoubtfulPacks, findLiveObjects, type LiveObjects } from './live-objects.js';
import { findNeededGrains } from './needed-grains.js';
import { isReplaced, isSuperseded, packOf, shortestOfPacks } from './rewritings.js';

/** How long what is not needed any more stays all the same: 24 hours, by the store's clock. */
export const defaultGraceMs = 24 * 60 * 60 * 1000;

/** How garbage is collected. */
export interface GarbageOptions {
  /**
   * For how long, in milliseconds and by the store's clock, an object must have been marked before it is deleted. A shorter
   * time than it takes the store to list what was put is dangerous. Default 24 hours.
   */
  readonly graceMs?: number | undefined;
  /**
   * Packs of grains of which less than half is needed are rewritten, as long as no more than so many bytes are to be read for
   * that. It takes the map of every backup to be read. Default 0: none is, and a pack stays until none of its grains is needed.
   */
  readonly maxRepackBytes?: number | undefined;
  /** Tells what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told while objects are deleted: how many of those that are to go were tried. */
  readonly onProgress?:
    ((progress: { readonly objectsDone: number; readonly objectsTotal: number }) => void) | undefined;
}

/** Any, or no limit. */
const amountSchema = z.number().nonnegative().or(z.literal(Infinity));

/** What is accepted for {@link GarbageOptions}. */
export const garbageOptionsSchema = z.strictObject({
  graceMs: amountSchema.optional(),
  maxRepackBytes: amountSchema.optional(),
  dryRun: z.boolean().optional(),
  signal: signalSchema.optional(),
  onProgress: callbackSchema<NonNullable<GarbageOptions['onProgress']>>().optional(),
});

/** What a collection did. */
export interface GarbageReport {
  /** Objects that were deleted, or would be, and their bytes. */
  readonly deleted: number;
  readonly deletedBytes: number;
  /** Objects that are not needed and were marked: a run after the grace deletes them. */
  readonly marked: number;
  readonly markedBytes: number;
  /** Objects that are not needed, and locked. A later run deletes them. */
  readonly retained: number;
  /** Objects that could not be deleted. A later run tries again. */
  readonly failed: number;
  /** Packs that were rewritten, and by how many bytes they are shorter. What they were before is marked by a later run. */
  readonly repacked: number;
  readonly repackedBytes: number;
}

/** How many objects one call deletes, and how many, and how many packs, one object of marks names. */
const batchSize = 1000;

/**
 * Deletes what no backup needs, in two runs at least: the first marks, a later one deletes what was marked a grace ago and
 * still is not needed. Since a writer refers only to what it made itself and to its parent's, which its lease names, what
 * nobody needs can never be needed again; the grace is for what is not listed yet, and roots keep what they refer to for a grace
 * more, since it takes a while to look who needs what. It runs beside any number of writers, deleters and other collections, and
 * may be stopped anywhere.
 */
export async function collectGarbage(repository: Repository, options: GarbageOptions = {}): Promise<GarbageReport> {
  const { signal } = options;
  // What the clock of the store says is told by an object that was just put.
  const ownMarks = newMarksKey();
  await repository.store.put(ownMarks, formatMarks(noMarks), { signal });
  try {
    return await collect(repository, ownMarks, options);
  } catch (error) {
    // Who was told to stop waits for nothing: then a later collection deletes them.
    throwIfAborted(signal);
    await tryDelete(repository.store, [ownMarks]);
    throw error;
  }
}

async function collect(
  repository: Repository,
  ownMarks: string,
  { graceMs = defaultGraceMs, maxRepackBytes = 0, dryRun = false, signal, onProgress }: GarbageOptions,
): Promise<GarbageReport> {
  const { store } = repository;
  const now = (await store.stat(ownMarks, { signal }))?.lastModified.getTime();
  if (now === undefined) return nothing;

  const ripeKeys = new Set<string>();
  const ripeGrains: DeadGrains[] = [];
  const spent: string[] = [];
  const spentByCompaction: string[] = [];
  for await (const { key, lastModified } of store.list(marksPrefix, { signal })) {
    if (key === ownMarks || !isOver(graceMs, lastModified, now)) continue;
    const { keys, grains } = await readMarks(repository, key, signal);
    for (const marked of keys) ripeKeys.add(marked);
    const hasGrains = Object.keys(grains).length > 0;
    if (hasGrains) ripeGrains.push(grains);
    (hasGrains && keys.length === 0 ? spentByCompaction : spent).push(key);
  }
  const candidates = await findCandidates(repository, now, graceMs, signal);
  // Before anything is marked: nothing is that a lease names, dead or not, which is still there.
  const deadLeases = await findDeadLeases(repository, now, signal);
  const leases = await deleteAll(repository, dryRun ? [] : deadLeases, signal);
  const ended = new Set(deadLeases.filter((key) => !leases.kept.has(key)));
  // After the candidates: what came to be needed since they were listed is seen.
  const live = await findLiveObjects(repository, ended, signal);
  const doubtful = await findDoubtfulPacks(repository, live.roots, ripeKeys, signal);
  // Where the file system with it went meanwhile, what was seen first would be needed by nobody.
  await assertStillThere(repository, signal);
  const shortest = await shortestOfPacks(candidates);
  const { fresh, needless, superseded } = await sortGarbage(candidates, { live, doubtful, shortest, ripeKeys });

  const marks = { marked: fresh.length, markedBytes: totalBytes(fresh) };
  // That takes the map of every backup: only where it tells something.
  const needed =
    maxRepackBytes > 0 || superseded.length > 0
      ? await findNeededGrains(repository, ended, ripeKeys, signal)
      : undefined;
  const compaction = { now, settled: shortest, marked: ripeGrains, budgetBytes: maxRepackBytes, dryRun, signal };
  const compacted =
    needed !== undefined && maxRepackBytes > 0 ? await compactPacks(repository, { ...compaction, needed }) : undefined;
  const { rewritten: repacked = 0, savedBytes: repackedBytes = 0, marks: grains = {} } = compacted ?? {};
  if (dryRun) {
    await store.delete([ownMarks], { signal });
    const doomed = [...needless, ...superseded];
    const would = { deleted: doomed.length, deletedBytes: totalBytes(doomed), repacked, repackedBytes };
    return { ...nothing, ...marks, ...would };
  }
  const going = [...needless];
  for (const object of superseded) {
    if (needed !== undefined && (await isReplaced(repository, object, needed, shortest, signal))) going.push(object);
  }
  const goingKeys = going.map(({ key }) => key);
  const outcome = await deleteAll(repository, goingKeys, signal, quietly(onProgress));
  await writeMarks(repository, ownMarks, { keys: fresh.map(({ key }) => key), grains }, signal);
  // The marks of those that are left were read: they are made anew by a later run.
  await deleteAll(repository, [...spent, ...(compacted === undefined ? [] : spentByCompaction)], signal);
  const gone = going.filter(({ key }) => outcome.deleted.has(key));
  const retained = outcome.retained + leases.retained;
  const failed = outcome.failed + leases.failed + needless.length + superseded.length - going.length;
  const deleted = { deleted: gone.length, deletedBytes: totalBytes(gone), retained, failed };
  return { ...marks, ...deleted, repacked, repackedBytes };
}

const nothing: GarbageReport = {
  deleted: 0,
  deletedBytes: 0,
  marked: 0,
  markedBytes: 0,
  retained: 0,
  failed: 0,
  repacked: 0,
  repackedBytes: 0,
};

/**
 * Tells what is not needed: what is to be marked, once more where it was but may be needed, and of what was marked what nobody needs
 * at all, and what has a shorter rewriting, which is needed.
 */
async function sortGarbage(
  candidates: readonly ObjectInfo[],
  {
    live,
    doubtful,
    shortest,
    ripeKeys,
  }: {
    readonly live: LiveObjects;
    /** Packs that may be needed; undefined where it may be any. */
    readonly doubtful: ReadonlyMap<string, unknown> | undefined;
    readonly shortest: ReadonlyMap<string, ObjectInfo>;
    readonly ripeKeys: ReadonlySet<string>;
  },
) {
  const turns = new EventLoopTurns();
  const fresh: ObjectInfo[] = [];
  const needless: ObjectInfo[] = [];
  const superseded: ObjectInfo[] = [];
  for (const object of candidates) {
    await turns.pause();
    const isNeeded = isLive(object.key, live);
    if (isNeeded && !isSuperseded(object, shortest)) continue;
    const isDoubtful = doubtful === undefined ? isPack(object) : doubtful.has(packOf(object.key));
    if (!ripeKeys.has(object.key) || (!isNeeded && isDoubtful)) fresh.push(object);
    else if (isNeeded) superseded.push(object);
    else needless.push(object);
  }
  return { fresh, needless, superseded };
}

function isPack({ key }: ObjectInfo): boolean {
  return attemptOfRootKey(key) === undefined;
}

function totalBytes(objects: readonly ObjectInfo[]): number {
  return objects.reduce((sum, { size }) => sum + size, 0);
}

function isLive(key: string, { roots, packs, attempts }: LiveObjects): boolean {
  return roots.has(key) || packs.has(packOf(key)) || attempts.has(attemptOfKey(key) ?? '');
}

/** Whether an object has been there for a grace. Of one whose time is not known it never has. */
function isOver(graceMs: number, lastModified: Date, now: number): boolean {
  return now - lastModified.getTime() >= graceMs;
}

/** Packs and roots that have been there for a grace. Younger ones may be of a backup whose lease is not listed yet. */
async function findCandidates(
  { store }: Repository,
  now: number,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo[]> {
  const candidates: ObjectInfo[] = [];
  for (const prefix of ['data/', 'map/', volumesPrefix]) {
    for await (const info of store.list(prefix, { signal })) {
      if (attemptOfKey(info.key) === undefined || !isOver(graceMs, info.lastModified, now)) continue;
      candidates.push(info);
    }
  }
  return candidates;
}

async function readMarks({ store }: Repository, key: string, signal: AbortSignal | undefined): Promise<Marks> {
  const bytes = await readObject(store, key, signal);
  return bytes === undefined ? noMarks : parseMarks(bytes);
}

/** Keys and grains apart: grains stay marked until a run compacts. */
async function writeMarks(
  { store }: Repository,
  ownMarks: string,
  { keys, grains }: Marks,
  signal: AbortSignal | undefined,
): Promise<void> {
  const write = (key: string, marks: Marks) => store.put(key, formatMarks(marks), { signal });
  if (keys.length === 0) await store.delete([ownMarks], { signal });
  for (let from = 0; from < keys.length; from += batchSize) {
    const batch = keys.slice(from, from + batchSize);
    await write(from === 0 ? ownMarks : newMarksKey(), { keys: batch, grains: {} });
  }
  const packs = Object.entries(grains);
  for (let from = 0; from < packs.length; from += batchSize) {
    await write(newMarksKey(), { keys: [], grains: Object.fromEntries(packs.slice(from, from + batchSize)) });
  }
}

async function deleteAll(
  { store }: Repository,
  keys: readonly string[],
  signal: AbortSignal | undefined,
  report?: GarbageOptions['onProgress'],
) {
  const [deleted, kept] = [new Set<string>(), new Set<string>()];
  let [retained, failed] = [0, 0];
  for (let from = 0; from < keys.length; from += batchSize) {
    throwIfAborted(signal);
    const result = await store.delete(keys.slice(from, from + batchSize), { signal });
    retained += result.retained.length;
    failed += result.failed.length;
    for (const key of result.deleted) deleted.add(key);
    for (const key of [...result.retained, ...result.failed.map((failure) => failure.key)]) kept.add(key);
    report?.({ objectsDone: Math.min(from + batchSize, keys.length), objectsTotal: keys.length });
  }
  return { deleted, kept, retained, failed };
}
