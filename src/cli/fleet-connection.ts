import type { Command } from 'commander';
import type { Fleet } from '../fleet/index.js';
import { variable } from './environment.js';
import type { Run } from './perform.js';
import { UsageError } from './usage-error.js';

/** Which fleet, and where its Redis is. */
export interface FleetConnectionOptions {
  readonly redis?: string;
  readonly fleet?: string;
}

/** What all who take part in a fleet say the same. */
export interface FleetLimits {
  readonly jobsPerVcenter?: number;
  readonly transfersPerHost?: number;
}

/** Gives a command the options of a fleet. */
export function withFleet(command: Command): Command {
  return command
    .option('--redis <url>', 'the Redis of the fleet: redis://host:6379, rediss: with TLS (VMDK_DRIVER_REDIS_URL)')
    .option('--fleet <name>', 'which fleet of that Redis (default: vmdk-driver)');
}

/**
 * The fleet the options tell of.
 *
 * @throws UsageError
 */
export async function openFleet(
  { redis, fleet: name }: FleetConnectionOptions,
  { output }: Run,
  limits: FleetLimits = {},
): Promise<Fleet> {
  const connection = redis ?? variable(process.env, 'VMDK_DRIVER_REDIS_URL');
  if (connection === undefined) {
    throw new UsageError('it is not said where the fleet is: give --redis or set VMDK_DRIVER_REDIS_URL');
  }
  if (redis !== undefined && /:[^/@]+@/.test(redis.replace(/^rediss?:\/\//, ''))) {
    throw new UsageError(
      '--redis has a password, which others on this machine can read: use VMDK_DRIVER_REDIS_URL for it',
    );
  }
  const { createFleet } = await import('../fleet/index.js');
  return createFleet({ connection, name, ...limits, logger: output.logger });
}
