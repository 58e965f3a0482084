import { setImmediate } from 'node:timers/promises';
import { RepositoryDamagedError } from '../../errors/index.js';
import { keyBytes } from '../format/blob.js';
import { directoryOf, type PackDirectory, type PackRecord } from '../format/pack.js';
import type { Vault } from '../vault/vault.js';

/** Bytes opened before others get their turn. */
const turnBytes = 1024 * 1024;

/**
 * How many of a pack's blobs are not what was stored. Those that a rewriting left out, since nobody needs them, are not counted.
 *
 * @param bytes all of the pack's, or of its rewriting's
 */
export async function brokenBlobs(
  vault: Vault,
  { id, blobs }: PackRecord,
  bytes: Buffer,
  { offsets, keys }: PackDirectory,
): Promise<number> {
  // Not in the pack's own memory, which may be the store's.
  const opened = Buffer.allocUnsafeSlow(bytes.length);
  const bounds: number[] = [];
  const expected: Buffer[] = [];
  let [broken, filled, turnEnd] = [0, 0, turnBytes];
  for (let ordinal = 0; ordinal < blobs; ordinal++) {
    const sealed = bytes.subarray(offsets[ordinal], offsets[ordinal + 1]);
    if (sealed.length === 0) continue;
    try {
      const blob = vault.open(id, ordinal, sealed);
      opened.set(blob, filled);
      bounds.push(filled, (filled += blob.length));
      expected.push(keys.subarray(ordinal * keyBytes, (ordinal + 1) * keyBytes));
    } catch (error) {
      if (!(error instanceof RepositoryDamagedError)) throw error;
      broken += 1;
    }
    if (filled < turnEnd) continue;
    turnEnd = filled + turnBytes;
    await setImmediate();
  }
  const { keys: found } = await vault.keysIn(opened, Uint32Array.from(bounds));
  return broken + expected.filter((key, place) => !key.equals(found[place] ?? Buffer.alloc(0))).length;
}

/** Whether these are all the bytes of a pack, or of a rewriting of it, and every blob in it is what was stored. */
export async function isWholePack(vault: Vault, record: PackRecord, bytes: Buffer): Promise<boolean> {
  const directory = directoryOf(record, bytes, bytes.length);
  return directory !== undefined && (await brokenBlobs(vault, record, bytes, directory)) === 0;
}
