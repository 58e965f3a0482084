import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, VmdkDriver, VmdkDriverError, type Volume } from '../../../src/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import { startSimulator } from '../../../src/simulator/index.js';
import { SoapVimSession } from '../../../src/vim/index.js';
import { oddListener, oddLogger, oddService } from './odd-behaviour.js';
import { Random } from './random.js';

/*
 * Backs up and restores with services, loggers and listeners that misbehave, and with aborts at any moment. Run by
 * services.test.ts in a process of its own: an uncaught exception or an unhandled rejection ends that.
 */

const [seedText = '1', secondsText = '40'] = process.argv.slice(2);
const until = Date.now() + Number(secondsText) * 1000;
/** A busy machine takes longer for them. */
const leastCases = 200;
let cases = 0;
const lanes = 10;
const content = Buffer.alloc(300 * 1024, 'what the volume holds');

const root = await mkdtemp(join(tmpdir(), 'fuzz-services-'));
const [directory, tmpDir] = [join(root, 'backups'), await mkdtemp(join(root, 'tmp-'))];
await using simulator = await startSimulator();
const { host, port, username, password, thumbprint } = simulator;
await using vim = new SoapVimSession({ host, port, username, password, thumbprint });
await vim.connect();
const good = new FileBackupService({ directory });
const sound = new VmdkDriver({ vim, backupService: good, config: { tmpDir } });

const problems: string[] = [];
const outcomes = new Map<string, number>();
const diskOf = (volume: Volume) =>
  simulator.vms().find(({ instanceUuid }) => instanceUuid === volume.id)!.disks[0]!.path;

async function lane(random: Random): Promise<void> {
  const volume = { id: randomUUID(), size: 1 };
  await sound.createBacking(volume);
  await simulator.writeDisk(diskOf(volume), content);
  const fingerprint = await simulator.diskFingerprint(diskOf(volume));
  const backup = { id: volume.id, volumeId: volume.id };
  let manifest = await sound.backupVolume(backup, volume);

  while (Date.now() < until || cases < leastCases) {
    cases += 1;
    const aborting = new AbortController();
    const driver = new VmdkDriver({
      vim,
      backupService: oddService(random, good),
      config: { tmpDir },
      logger: oddLogger(random) as Logger,
    });
    const options = { signal: aborting.signal, onProgress: oddListener(random) };
    const [name, operate] = random.pick<[string, () => Promise<unknown>]>([
      ['backup', () => driver.backupVolume(backup, volume, options)],
      ['restore', () => driver.restoreBackup(backup, volume, random.chance(0.5) ? { ...options, manifest } : options)],
      ['verify', () => driver.verifyBackup(backup, options)],
    ]);
    // All are aborted in the end: one that is never answered would not end.
    const timer = setTimeout(
      () => {
        aborting.abort(random.chance(0.5) ? 'enough' : undefined);
      },
      random.chance(0.4) ? random.below(1_000) : 8_000,
    );
    const outcome = await operate().then(
      () => 'ok',
      (error: unknown) => {
        if (!(error instanceof VmdkDriverError)) problems.push(`${name} rejected with ${String(error)}`);
        else if (typeof JSON.stringify(error) !== 'string' || error.message.includes('\n'))
          problems.push(error.message);
        return error instanceof VmdkDriverError ? error.code : 'untyped';
      },
    );
    clearTimeout(timer);
    outcomes.set(`${name} ${outcome}`, (outcomes.get(`${name} ${outcome}`) ?? 0) + 1);
    // Whatever happened: the volume is free, its disk whole, and can be backed up and restored.
    if (random.chance(0.2)) {
      manifest = await sound.backupVolume(backup, volume);
      await sound.restoreBackup(backup, volume, { manifest });
    }
    const now = await simulator.diskFingerprint(diskOf(volume));
    if (now !== fingerprint) problems.push(`${name} ${outcome}: the volume holds something else`);
  }
  // The store may hold a newer one than this manifest is of.
  manifest = await sound.backupVolume(backup, volume);
  await sound.restoreBackup(backup, volume, { manifest });
}

const seed = Number(seedText);
await Promise.all(Array.from({ length: lanes }, (_, index) => lane(new Random(seed * 1_000 + index))));
await sound.recover({ olderThanMs: 0 });
// What was left behind comes in, and is ended, by then.
await sleep(12_000);
problems.push(...simulator.leftovers().map((left) => `left: ${JSON.stringify(left)}`));
problems.push(...(await readdir(tmpDir)).map((name) => `left: ${name}`));
await rm(root, { recursive: true });
console.log(JSON.stringify({ seed, problems, outcomes: Object.fromEntries([...outcomes].sort()) }));
