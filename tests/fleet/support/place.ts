import type { FleetDriver } from '../../../src/fleet/index.js';
import type { Volume } from '../../../src/index.js';
import { Lab } from '../../driver/support/lab.js';
import { RedisServer } from './redis-server.js';

export const vcenter = 'vcenter1.example';

/** A Redis and a vCenter with a volume. */
export interface Place {
  readonly redis: RedisServer;
  readonly lab: Lab;
  readonly volume: Volume;
}

export async function openPlace(): Promise<Place> {
  const [redis, lab] = [await RedisServer.start(), await Lab.start()];
  return { redis, lab, volume: await lab.addVolume() };
}

export async function closePlace({ redis, lab }: Omit<Place, 'volume'>): Promise<void> {
  await lab[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
}

/** A driver whose backups do as they are told, and that is asked for nothing else but to recover. */
export function driverOf(backupVolume: FleetDriver['backupVolume'], ownerId = 'test'): FleetDriver {
  const notAskedFor = () => Promise.reject(new Error('not asked for'));
  return {
    ownerId,
    backupVolume,
    restoreBackup: notAskedFor,
    verifyBackup: notAskedFor,
    recover: () => Promise.resolve({ restores: [], temporaryFiles: [] }),
  };
}
