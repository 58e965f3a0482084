import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { OperationTrace, TransferTrace } from '../../src/index.js';
import { Lab } from './support/lab.js';

const run = promisify(execFile);
type Event = [name: string, message: object];

/** Listens to a channel, and notes each event with the message as it was then. */
function listen(channel: string): { events: Event[] } & Disposable {
  const events: Event[] = [];
  const note = (name: string) => (message: object) => events.push([name, { ...message }]);
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  tracingChannel(channel).subscribe(subscribers);
  return {
    events,
    [Symbol.dispose]: () => {
      tracingChannel(channel).unsubscribe(subscribers);
    },
  };
}

describe('tracing channels', () => {
  test('tell of an operation and of its transfer, and what they came to', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const backup = { id: 'traced', volumeId: volume.id };
    using operations = listen('vmdk-driver:operation');
    using transfers = listen('vmdk-driver:transfer');
    const manifest = await lab.driver.backupVolume(backup, volume);
    await lab.driver.restoreBackup(backup, volume, { manifest });

    const ended = operations.events
      .filter(([name]) => name === 'asyncEnd')
      .map(([, message]) => message as OperationTrace);
    expect(ended).toMatchObject([
      { operation: 'backup', volumeId: volume.id, backupId: 'traced', result: manifest },
      { operation: 'restore', volumeId: volume.id, backupId: 'traced', result: { cleanup: 'done' } },
    ]);
    expect(operations.events[0]).toEqual(['start', { operation: 'backup', volumeId: volume.id, backupId: 'traced' }]);
    const moved = transfers.events
      .filter(([name]) => name === 'asyncEnd')
      .map(([, message]) => message as TransferTrace);
    const { streamBytes } = manifest;
    expect(moved).toMatchObject([
      { direction: 'export', result: { streamBytes } },
      { direction: 'import', result: { streamBytes } },
    ]);
    expect(moved.map(({ host }) => host)).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/), expect.any(String)]);
  });

  test('bind a context to an operation, in which its work and its transfer are', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const spans = new AsyncLocalStorage<string>();
    const { start } = tracingChannel<string, OperationTrace>('vmdk-driver:operation');
    start.bindStore(spans, ({ operation }) => `span of ${operation}`);
    const seen: (string | undefined)[] = [];
    const note = (): void => {
      seen.push(spans.getStore());
    };
    const transfers = 'tracing:vmdk-driver:transfer:start';
    subscribe(transfers, note);
    try {
      await spans.run('outer', () => lab.driver.backupVolume({ id: 'bound', volumeId: volume.id }, volume));
    } finally {
      unsubscribe(transfers, note);
      start.unbindStore(spans);
    }
    expect(seen).toEqual(['span of backup']);
  });

  test('tell of an error, with all that it carries', async () => {
    await using lab = await Lab.start();
    using operations = listen('vmdk-driver:operation');
    const verifying = lab.driver.verifyBackup({ id: 'missing', volumeId: 'v' });
    await expect(verifying).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    const [, message] = operations.events.find(([name]) => name === 'error')!;
    expect(message).toMatchObject({
      operation: 'verify',
      error: { code: 'BACKUP_NOT_FOUND', phase: expect.any(String) },
    });
  });

  test('a listener that throws changes nothing about the operation', async () => {
    // In a process of its own: Node reports what such a listener throws as an uncaught exception.
    const program = `
      import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
      import { VmdkDriver } from 'vmdk-driver';
      import { FileBackupService } from 'vmdk-driver/services';
      const thrown = [];
      process.on('uncaughtException', (error) => thrown.push(error.message));
      const broken = () => { throw new Error('listener'); };
      tracingChannel('vmdk-driver:operation').subscribe({ start: broken, end: broken, asyncStart: broken, asyncEnd: broken, error: broken });
      const unused = () => { throw new Error('not asked for'); };
      const vim = { host: 'h', port: 1, serviceContent: {}, invoke: unused, download: unused, upload: unused };
      const driver = new VmdkDriver({ vim, backupService: new FileBackupService({ directory: 'nowhere' }) });
      const code = await driver.verifyBackup({ id: 'b', volumeId: 'v' }).catch((error) => error.code);
      setImmediate(() => console.log(code, new Set(thrown)));`;
    const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '-e', program];
    const { stdout } = await run(process.execPath, args);
    expect(stdout).toBe("BACKUP_NOT_FOUND Set(1) { 'listener' }\n");
  });
});
