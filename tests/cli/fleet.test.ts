import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createFleet } from '../../src/fleet/index.js';
import { hasRedis, noRedis, RedisServer } from '../fleet/support/redis-server.js';
import { needing } from '../support/needing.js';
import { CommandLine } from './support/command-line.js';

needing(hasRedis, noRedis).describe('enqueue', () => {
  let commandLine: CommandLine;
  let redis: RedisServer;
  beforeAll(async () => {
    commandLine = await CommandLine.build();
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await (redis as RedisServer | undefined)?.[Symbol.asyncDispose]();
    await (commandLine as CommandLine | undefined)?.[Symbol.asyncDispose]();
  });

  const run = (kind: string, ...more: readonly string[]) =>
    commandLine.run(['enqueue', kind, '--redis', redis.url, '--vcenter', 'vcenter1.example', ...more]);

  async function enqueue(kind: string, ...more: readonly string[]): Promise<string> {
    const { status, stdout } = await run(kind, ...more);
    expect(status).toBe(0);
    return stdout.trim();
  }

  test.each([
    ['backup', 'once', ['--size', '1']],
    ['restore', 'each time that it is asked for', ['--size', '1']],
    ['verify', 'each time that it is asked for', []],
    ['restore, by one request,', 'once', ['--size', '1', '--request-id', 'monday']],
  ])('a %s is done %s', async (what, often, more) => {
    const [kind = ''] = what.split(',');
    const words = ['--volume', 'volume-1', '--backup', 'backup-1', ...more];
    const ids = [await enqueue(kind, ...words), await enqueue(kind, ...words)];
    expect(new Set(ids).size).toBe(often === 'once' ? 1 : 2);
  });

  test('retention, by the rules of a repository, pins included', async () => {
    const id = await enqueue('retention', '--daily', '7', '--pin', 'before-upgrade', '--pin', 'golden', '--dry-run');
    await using fleet = createFleet({ connection: redis.url });
    expect(await fleet.job(id)).toMatchObject({
      request: { kind: 'retention', policy: { daily: 7, pinned: ['before-upgrade', 'golden'] }, dryRun: true },
    });
  });

  test.each([
    ['to wait for a schedule', ['recover', '--cron', '0 2 * * *', '--wait'], '--wait is for one job'],
    ['a password that others can read', ['recover', '--redis', 'redis://:secret@127.0.0.1:1'], 'VMDK_DRIVER_REDIS_URL'],
  ])('refuses %s', async (_what, [kind = '', ...more], reason) => {
    const { status, stderr } = await run(kind, ...more);
    expect(status).toBe(2);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain('secret');
  });
});
