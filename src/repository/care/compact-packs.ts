import { ObjectNotFoundError, throwIfAborted } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { readWhole } from '../../stream/read-whole.js';
import { keyBytes } from '../format/blob.js';
import {
  directoryBytes,
  directoryOf,
  formatDirectory,
  type PackDirectory,
  type PackRecord,
  parseDirectory,
} from '../format/pack.js';
import { newRewritingKey } from '../format/pack-id.js';
import { isWholePack } from '../read/check-pack.js';
import type { Repository } from '../repository.js';
import type { NeededGrains } from './needed-grains.js';

/** Packs' grains that nobody needed when a collection looked: a bit each, in base64. */
export type DeadGrains = Readonly<Record<string, string>>;

/** What a compaction is asked for. */
export interface Compaction {
  /** The store's clock. */
  readonly now: number;
  readonly needed: NeededGrains;
  /** The objects of packs of grains that have been there for a grace, by the pack's id: the shortest of each. */
  readonly settled: ReadonlyMap<string, ObjectInfo>;
  /** What was marked a grace ago, or earlier. */
  readonly marked: readonly DeadGrains[];
  /** Bytes of packs that may be read to be rewritten. */
  readonly budgetBytes: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What a compaction did, or would do. */
export interface Compacted {
  readonly rewritten: number;
  /** Bytes by which the rewritten packs are shorter. */
  readonly savedBytes: number;
  /** To be marked: a run after the grace rewrites these packs. */
  readonly marks: DeadGrains;
}

/**
 * Rewrites packs more than half of whose bytes are grains that nobody needs: as another object, with the same blobs at the same
 * ordinals, but for these. As with whole objects one run marks them, and one that comes a grace later leaves them out if they are
 * still not needed; a writer can only refer to grains that its parent refers to, so they never come to be needed again. The
 * object they were in becomes garbage once its rewriting has been there for a grace.
 */
export async function compactPacks(repository: Repository, compaction: Compaction): Promise<Compacted> {
  const { settled, marked, dryRun, signal } = compaction;
  const { live, doubtful, packs, untold } = compaction.needed;
  const marks: Record<string, string> = {};
  let [rewritten, savedBytes, budget] = [0, 0, compaction.budgetBytes];
  const turns = new EventLoopTurns();
  for (const pack of packs.values()) {
    throwIfAborted(signal);
    await turns.pause();
    const object = settled.get(pack.id);
    if (object === undefined || untold.has(pack.id)) continue;
    const dead = ordinalsOf(pack).filter((ordinal) => !live.has({ pack: pack.id, ordinal }));
    if (dead.length === 0) continue;
    const directory = await readDirectory(repository, object, pack, signal);
    if (directory === undefined || !isWorthwhile(directory, dead, object)) continue;
    const markedBits = marked.map((grains) => Buffer.from(grains[pack.id] ?? '', 'base64'));
    const isRipe = (ordinal: number): boolean =>
      !doubtful.has({ pack: pack.id, ordinal }) && markedBits.some((bits) => hasBit(bits, ordinal));
    const ripe = dead.filter(isRipe);
    if (!isWorthwhile(directory, ripe, object) || object.size > budget) {
      marks[pack.id] = bitsOf(dead, pack);
      continue;
    }
    if (await isLocked(repository, object, compaction)) continue;
    budget -= object.size;
    if (!dryRun && !(await rewrite(repository, object, pack, new Set(ripe), signal))) continue;
    rewritten += 1;
    savedBytes += bytesOf(directory, ripe);
  }
  return { rewritten, savedBytes, marks };
}

/** `undefined` where it is not what was stored, or gone: `verify` tells. */
async function readDirectory(
  { store }: Repository,
  { key, size }: ObjectInfo,
  pack: PackRecord,
  signal: AbortSignal | undefined,
): Promise<PackDirectory | undefined> {
  const length = directoryBytes(pack.blobs);
  if (size < length) return undefined;
  try {
    const bytes = await readWhole(await store.get(key, { range: { offset: size - length, length }, signal }), length);
    return directoryOf(pack, bytes, size);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/** A lock outlives a rewriting, which would only be one object more. A list does not tell of it. */
async function isLocked(
  { store }: Repository,
  { key }: ObjectInfo,
  { now, signal }: Pick<Compaction, 'now' | 'signal'>,
): Promise<boolean> {
  if (store.capabilities?.retention !== true) return false;
  const info = await store.stat(key, { signal });
  return (info?.retainUntil?.getTime() ?? 0) > now;
}

async function rewrite(
  { store, vault }: Repository,
  { key, size }: ObjectInfo,
  pack: PackRecord,
  dropped: ReadonlySet<number>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const bytes = await readWhole(await store.get(key, { signal }), size);
  const directory = parseDirectory(bytes.subarray(-directoryBytes(pack.blobs)), pack.blobs);
  // What is broken stays as it is: a rewriting would look like something that was checked.
  if (directory === undefined || !(await isWholePack(vault, pack, bytes))) return false;
  const { offsets, keys } = directory;
  const blobs = ordinalsOf(pack).map((ordinal) =>
    dropped.has(ordinal) ? Buffer.alloc(0) : bytes.subarray(offsets[ordinal], offsets[ordinal + 1]),
  );
  const lengths = blobs.map(({ length }) => length);
  const blobKeys = ordinalsOf(pack).map((ordinal) => keys.subarray(ordinal * keyBytes, (ordinal + 1) * keyBytes));
  const body = [...blobs.filter(({ length }) => length > 0), formatDirectory(lengths, blobKeys)];
  await store.put(newRewritingKey('data', pack.id), body, { signal });
  return true;
}

function ordinalsOf({ blobs }: PackRecord): number[] {
  return Array.from({ length: blobs }, (_, ordinal) => ordinal);
}

function bytesOf({ offsets }: PackDirectory, ordinals: readonly number[]): number {
  return ordinals.reduce((sum, ordinal) => sum + (offsets[ordinal + 1] ?? 0) - (offsets[ordinal] ?? 0), 0);
}

function isWorthwhile(directory: PackDirectory, dead: readonly number[], { size }: ObjectInfo): boolean {
  return 2 * bytesOf(directory, dead) > size;
}

function bitsOf(ordinals: readonly number[], { blobs }: PackRecord): string {
  const bits = Buffer.alloc(Math.ceil(blobs / 8));
  for (const ordinal of ordinals) bits.writeUInt8(bits.readUInt8(ordinal >> 3) | (1 << (ordinal & 7)), ordinal >> 3);
  return bits.toString('base64');
}

function hasBit(bits: Buffer, ordinal: number): boolean {
  return ((bits[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
}
