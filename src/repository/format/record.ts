import * as z from 'zod';
import { RepositoryDamagedError } from '../../errors/index.js';
import { type BackupManifest, parseBackupManifest } from '../../model/backup-manifest.js';
import type { Vault } from '../vault/vault.js';

/** What a backup stored anew, and what it shares with its parent. */
export interface Increment {
  /** The backup whose grains it shares; null where it shares none. */
  readonly parent: string | null;
  /** Grains stored anew. */
  readonly grainsNew: number;
  /** Grains that were there already. */
  readonly grainsSame: number;
  /** Bytes put into the store, all of them. */
  readonly bytesStored: number;
  /** Why there is no parent, or why more was stored than one would think. */
  readonly reason?: string | undefined;
}

/** What makes a backup: `manifest.json`, the last object to be put. */
export interface BackupRecord {
  readonly formatVersion: 1;
  readonly backupId: string;
  readonly volumeId: string;
  /** The run that wrote it; the root lies under it. */
  readonly attempt: string;
  readonly streamBytes: number;
  /** When it was committed, ISO 8601, by the writer's clock. */
  readonly storedAt: string;
  readonly root: { readonly bytes: number; readonly sha256: string };
  readonly increment: Increment;
  /** The driver's manifest, where it gave one. */
  readonly manifest?: BackupManifest | undefined;
  /** Until when all that the backup needs is locked, ISO 8601. */
  readonly retainUntil?: string | undefined;
}

const recordSchema = z.strictObject({
  formatVersion: z.literal(1),
  backupId: z.string().min(1),
  volumeId: z.string().min(1),
  attempt: z.string().regex(/^[0-9a-f]{24}$/),
  streamBytes: z.int().nonnegative(),
  storedAt: z.iso.datetime(),
  root: z.strictObject({ bytes: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  increment: z.strictObject({
    parent: z.string().nullable(),
    grainsNew: z.int().nonnegative(),
    grainsSame: z.int().nonnegative(),
    bytesStored: z.int().nonnegative(),
    reason: z.string().optional(),
  }),
  manifest: z.unknown().optional(),
  retainUntil: z.iso.datetime().optional(),
  proof: z.string(),
});

/** A record as it is stored, with a proof of itself. */
export function formatRecord(record: BackupRecord, vault: Vault): Buffer {
  const text = JSON.stringify(record);
  return Buffer.from(JSON.stringify({ ...record, proof: vault.prove(text) }));
}

/**
 * Reads a record.
 *
 * @param key the object's key, for errors
 * @throws RepositoryDamagedError where it is none
 * @throws WrongKeyError where it was written or changed by somebody without the repository's key
 */
export function parseRecord(bytes: Buffer, key: string, vault: Vault): BackupRecord {
  const { proof, ...record } = parse(bytes, key);
  if (proof !== vault.prove(JSON.stringify(record))) throw vault.refuse(key);
  const { manifest, ...rest } = record;
  return manifest === undefined ? rest : { ...rest, manifest: parseBackupManifest(manifest) };
}

function parse(bytes: Buffer, key: string): z.infer<typeof recordSchema> {
  try {
    return recordSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RepositoryDamagedError(`${key} is not the record of a backup`, { cause: error });
  }
}
