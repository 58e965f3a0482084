import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Progress } from '../../src/index.js';
import { silentLogger } from '../../src/logger.js';
import { ProgressReporter } from '../../src/operation/progress.js';
import { Lab, someContent } from './support/lab.js';
import { filesOnly } from './support/services.js';

/** The phases in the order they were first reported. */
const phases = (events: readonly Progress[]) => [...new Set(events.map(({ phase }) => phase))];

function expectSound(events: readonly Progress[]): void {
  for (const phase of phases(events)) {
    const ofPhase = events.filter((event) => event.phase === phase);
    for (const [i, { bytesDone, bytesTotal, streamBytes }] of ofPhase.entries()) {
      const before = ofPhase[i - 1];
      expect(bytesDone).toBeGreaterThanOrEqual(before?.bytesDone ?? 0);
      expect(streamBytes).toBeGreaterThanOrEqual(before?.streamBytes ?? 0);
      if (bytesTotal !== undefined) expect(bytesDone).toBeLessThanOrEqual(bytesTotal);
    }
  }
}

describe('onProgress tells each phase, and never goes back', () => {
  test.each([
    ['file', ['prepare', 'export', 'store'], ['prepare', 'fetch', 'validate', 'import', 'swap', 'cleanup']],
    ['stream', ['prepare', 'export', 'store'], ['prepare', 'import', 'swap', 'cleanup']],
  ] as const)('by %s', async (transfer, ofBackup, ofRestore) => {
    await using lab = await Lab.start({ config: { transfer } });
    const volume = await lab.addVolume({}, Buffer.concat([someContent(), randomBytes(3_000_000)]));
    const backup = { id: randomUUID(), volumeId: volume.id };
    const events: Progress[] = [];
    const onProgress = (progress: Progress) => void events.push(progress);

    const manifest = await lab.driver.backupVolume(backup, volume, { onProgress });
    expect(phases(events)).toEqual(ofBackup);
    expect(new Set(events.map(({ operation }) => operation))).toEqual(new Set(['backup']));
    // Of an export nobody knows the length beforehand: it is measured by the capacity the stream covers.
    const last = events.findLast(({ phase }) => phase === 'export');
    expect(last).toMatchObject({ bytesTotal: manifest.capacityBytes, bytesDone: manifest.capacityBytes });
    expectSound(events);

    events.length = 0;
    await lab.driver.restoreBackup(backup, volume, { manifest, onProgress });
    expect(phases(events)).toEqual(ofRestore);
    expect(events.findLast(({ phase }) => phase === 'import')).toMatchObject({
      bytesDone: manifest.streamBytes,
      bytesTotal: manifest.streamBytes,
    });
    expectSound(events);

    events.length = 0;
    await lab.driver.verifyBackup(backup, { onProgress });
    expect(phases(events)).toContain('validate');
    expectSound(events);
  });

  test("a service's own progress is passed on; a listener that throws costs nothing", async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const service = filesOnly(lab.service, {
      backup: async (_backup, _file, options) => {
        options?.onProgress?.({ bytesDone: 7, bytesTotal: 7 });
      },
    });
    const events: Progress[] = [];
    await lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume, {
      onProgress: (progress) => {
        events.push(progress);
        throw new Error('the progress bar is broken');
      },
    });
    expect(events).toContainEqual(expect.objectContaining({ phase: 'store', bytesDone: 7, bytesTotal: 7 }));
  });
});

describe('the reporter', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('reports at least every 5 s although no byte moves', () => {
    jest.useFakeTimers();
    const events: Progress[] = [];
    using progress = new ProgressReporter('backup', (event) => events.push(event), silentLogger);
    progress.enter('export', 100);
    progress.advance({ bytesDone: 1, streamBytes: 1 });
    events.length = 0;
    jest.advanceTimersByTime(60_000);
    expect(events.length).toBeGreaterThanOrEqual(12);
    expect(events.at(-1)).toMatchObject({ phase: 'export', bytesDone: 1, bytesTotal: 100 });
  });

  test('does not report each of many small steps, but always the last', () => {
    jest.useFakeTimers();
    const events: Progress[] = [];
    using progress = new ProgressReporter('backup', (event) => events.push(event), silentLogger);
    progress.enter('export', 10_000);
    for (let i = 1; i <= 10_000; i++) progress.advance({ bytesDone: i, streamBytes: i });
    expect(events.length).toBeLessThan(10);
    expect(events.at(-1)).toMatchObject({ bytesDone: 10_000 });
  });

  test('is silent once the operation is over', () => {
    jest.useFakeTimers();
    const events: Progress[] = [];
    new ProgressReporter('backup', (event) => events.push(event), silentLogger)[Symbol.dispose]();
    jest.advanceTimersByTime(60_000);
    expect(events).toEqual([]);
  });
});
