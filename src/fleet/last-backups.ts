import * as z from 'zod';
import type { BackupManifest } from '../index.js';
import type { Queues } from './queues.js';

/** When the last backup of a volume was stored that a fleet made. */
export interface LastBackup {
  readonly vcenter: string;
  readonly volumeId: string;
  /** ISO 8601. */
  readonly storedAt: string;
}

const timesSchema = z.record(z.string(), z.iso.datetime());

/** Notes that a backup is stored. */
export async function noteBackup(queues: Queues, vcenter: string, manifest: BackupManifest): Promise<void> {
  await (await queues.redis()).hset(keyOf(queues, vcenter), manifest.volumeId, manifest.finishedAt);
}

/** That of each volume. */
export async function lastBackups(queues: Queues): Promise<LastBackup[]> {
  const redis = await queues.redis();
  const found = await Promise.all(
    (await queues.vcenters()).map(async (vcenter) => {
      const times = timesSchema.parse(await redis.hgetall(keyOf(queues, vcenter)));
      return Object.entries(times).map(([volumeId, storedAt]) => ({ vcenter, volumeId, storedAt }));
    }),
  );
  return found.flat();
}

function keyOf(queues: Queues, vcenter: string): string {
  return queues.key('last-backups', vcenter);
}
