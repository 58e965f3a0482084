import type * as bullmq from 'bullmq';
import type * as ioredis from 'ioredis';
import type * as prometheus from 'prom-client';
import type * as redisSemaphore from 'redis-semaphore';
import { StoreError } from '../index.js';

/** The packages a fleet runs on, which only those install who have one. */
export interface Peers {
  readonly bullmq: typeof bullmq;
  readonly ioredis: Pick<typeof ioredis, 'Redis'>;
}

/** @throws StoreError where they are not installed */
export async function loadPeers(): Promise<Peers> {
  const [queue, client] = await Promise.all([import('bullmq'), import('ioredis')]).catch(refuse('bullmq ioredis'));
  return { bullmq: queue, ioredis: client };
}

/** @throws StoreError where it is not installed */
export async function loadSemaphore(): Promise<typeof redisSemaphore> {
  return import('redis-semaphore').catch(refuse('redis-semaphore'));
}

/** @throws StoreError where it is not installed */
export async function loadPrometheus(): Promise<typeof prometheus> {
  return import('prom-client').catch(refuse('prom-client'));
}

function refuse(names: string): (cause: unknown) => never {
  return (cause) => {
    throw new StoreError('failed', `a fleet needs packages that are not installed: npm install ${names}`, { cause });
  };
}
