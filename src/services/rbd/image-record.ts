import * as z from 'zod';
import { BackupCorruptError } from '../../errors/index.js';
import { parseRecord, recordShape } from '../record-shape.js';
import type { BackupImage } from './image-names.js';
import type { Rbd } from './rbd.js';

/** The key of the image's metadata that holds its record. */
export const recordKey = 'vmdk-driver.record';

const recordSchema = z.object(recordShape);

/** What the service knows of a backup, kept with its image. */
export type ImageRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Reads a backup's record; undefined where the image went meanwhile.
 *
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged or missing
 */
export async function readRecord(
  rbd: Rbd,
  { name, key }: BackupImage,
  signal: AbortSignal | undefined,
): Promise<ImageRecord | undefined> {
  const text = await rbd.getMeta(name, recordKey, signal);
  if (text !== undefined) return parseRecord(recordSchema, text, key);
  if ((await rbd.info(name, signal)) === undefined) return undefined;
  throw new BackupCorruptError(`the image ${name} has no record`);
}
