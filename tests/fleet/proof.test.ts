import { expect } from '@jest/globals';
import { needing } from '../support/needing.js';
import { prove, transfersPerHost } from './proof/proof.js';
import { hasRedis, noRedis } from './support/redis-server.js';

needing(hasRedis, noRedis).test(
  'workers are killed and frozen, Redis is restarted, and nothing is lost or left',
  async () => {
    const { problems, ...found } = await prove({ volumes: 40, vcenters: 2, workers: 4, kills: 10 }, (line) =>
      process.stderr.write(`${line}\n`),
    );
    process.stderr.write(`${JSON.stringify(found)}\n`);
    expect(problems).toEqual([]);
    expect(found).toMatchObject({ kills: 10, redisRestarts: 2, freezes: 1 });
    expect(found.mostTransfersPerHost).toBeLessThanOrEqual(transfersPerHost);
  },
);
