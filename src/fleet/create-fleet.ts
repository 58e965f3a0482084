import type { Fleet, FleetOptions } from './fleet.js';
import { parseFleetOptions } from './fleet-options.js';
import { RedisFleet } from './redis-fleet.js';

/**
 * A fleet: a queue for each vCenter, in Redis, for applications that have something to be done and for workers that do it. Connects when
 * it is first used; loads `bullmq` and `ioredis` then.
 *
 * @throws InvalidInputError
 */
export function createFleet(options: FleetOptions): Fleet {
  return new RedisFleet(parseFleetOptions(options));
}
