import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Heartbeats } from '../../src/fleet/heartbeats.js';
import type { Queues } from '../../src/fleet/queues.js';
import type { IsAlive } from '../../src/index.js';

const lockMs = 60_000;
const commandMs = 10_000;
const start = Date.UTC(2026, 0, 1);

/** What Redis keeps of heartbeats. */
const scores = new Map<string, number>();

/** A process's way to Redis; while it is away its commands are given up in the end, or executed as it comes back. */
class Connection {
  #back: Promise<void> | undefined;
  comeBack = (): void => undefined;

  goAway(): void {
    this.#back = new Promise((resolve) => {
      this.comeBack = () => {
        this.#back = undefined;
        resolve();
      };
    });
  }

  async reach(): Promise<void> {
    if (this.#back === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('Command timed out')), commandMs);
    });
    await Promise.race([this.#back, givenUp]).finally(() => {
      clearTimeout(timer);
    });
  }

  readonly client = {
    time: async () => {
      await this.reach();
      return [Math.floor(Date.now() / 1000), (Date.now() % 1000) * 1000];
    },
    zscore: async (_key: string, id: string) => {
      await this.reach();
      return scores.get(id)?.toString() ?? null;
    },
    multi: () => {
      const told: [string, number][] = [];
      const transaction = {
        zscore: () => transaction,
        zremrangebyscore: () => transaction,
        zadd: (_key: string, score: number, id: string) => {
          told.push([id, score]);
          return transaction;
        },
        exec: async () => {
          await this.reach();
          const replies = told.map(([id, score]) => {
            const known = scores.get(id)?.toString() ?? null;
            scores.set(id, score);
            return [null, known];
          });
          return replies;
        },
      };
      return transaction;
    },
  };
}

function heartbeats(connection: Connection): Heartbeats {
  return new Heartbeats({
    redis: () => Promise.resolve(connection.client),
    key: (name: string) => name,
    options: { lockMs, logger: { debug: () => undefined } },
  } as unknown as Queues);
}

const x: Parameters<IsAlive>[0] = { id: 'x', host: '', pid: 0, startedAt: '' };

let connections: readonly [Connection, Connection];
let ofX: Heartbeats;
let ofY: Heartbeats;
beforeEach(() => {
  jest.useFakeTimers({ now: start });
  scores.clear();
  connections = [new Connection(), new Connection()];
  [ofX, ofY] = connections.map(heartbeats) as [Heartbeats, Heartbeats];
});
afterEach(() => {
  jest.useRealTimers();
});

/** Lets time pass until so many milliseconds after the start. */
async function at(ms: number): Promise<void> {
  while (Date.now() < start + ms) await jest.advanceTimersByTimeAsync(Math.min(250, start + ms - Date.now()));
}

test('a worker is not dead by a Redis that was away, though the one who asks is heard again before it', async () => {
  await ofX.start('x');
  await at(13_500);
  await ofY.start('y');
  // Both have been heard for long.
  await at(600_000 + 14_500);
  for (const connection of connections) connection.goAway();
  await at(600_000 + 71_000);
  for (const connection of connections) connection.comeBack();
  expect(Date.now() - scores.get('x')!).toBeGreaterThan(lockMs);
  expect(await ofY.isAlive(x)).toBeUndefined();
  await at(600_000 + 90_000);
  expect(await ofY.isAlive(x)).toBeUndefined();
});

test('a worker is not dead whose event loop was held for no longer than its jobs allow', async () => {
  await ofX.start('x');
  await ofY.start('y');
  await at(600_000 - 250);
  // Held just before its next sign of life.
  connections[0].goAway();
  for (let ms = 0; ms < (15 / 16) * lockMs; ms += 250) {
    await at(600_000 + ms);
    expect(await ofY.isAlive(x)).toBeUndefined();
  }
});

test('a worker that is not heard any more is dead to one who was heard all along', async () => {
  await ofX.start('x');
  await ofY.start('y');
  await at(600_000);
  connections[0].goAway();
  let ms = 600_000;
  while ((await ofY.isAlive(x)) !== false) await at((ms += 250));
  expect(Date.now() - scores.get('x')!).toBe(1.5 * lockMs);
});
