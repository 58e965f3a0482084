/**
 * The main job, from end to end, on a vCenter and an ESXi host that live in this process: a volume is backed up, damaged,
 * restored in place, to a new volume and to a larger one, over real HTTPS, SOAP and NFC traffic with real bytes. Then it is backed
 * up into a repository twice, with a small change between.
 *
 *     npm start                                                    in a clone
 *     node node_modules/vmdk-driver/dist/examples/demo.js          where the package is installed
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmdkDriver, type Volume } from 'vmdk-driver';
import { FileBackupService } from 'vmdk-driver/services';
import { type Simulator, type SimulatorMode, startSimulator } from 'vmdk-driver/simulator';
import { SoapVimSession } from 'vmdk-driver/vim';
import { damage, realContent } from './disk-content.js';
import { showIncrements } from './increments.js';
import { ProgressBar } from './progress-bar.js';

const bytesPerGiB = 1024 ** 3;

/** One disk that was restored, and what it should be. */
export interface Comparison {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

interface Outcome {
  readonly comparisons: readonly Comparison[];
  /** What the operations left in the simulator. */
  readonly leftovers: readonly unknown[];
}

/** Says what comes, and does it. */
export type Step = <T>(title: string, work: () => Promise<T>) => Promise<T>;

const cancel = new AbortController();
const { signal } = cancel;
// Once: who presses Ctrl-C again is not made to wait for the cleanup.
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    console.log('\ncancelled; cleaning up');
    cancel.abort();
  });
}

async function demonstrate(mode: SimulatorMode): Promise<Outcome> {
  await using simulator = await startSimulator({ mode });
  const { host, port, username, password, thumbprint } = simulator;
  console.log(`\n${mode === 'vcenter' ? 'A vCenter' : 'An ESXi host'} at ${simulator.url}`);

  const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-demo-'));
  try {
    await using vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const driver = new VmdkDriver({ vim, backupService: new FileBackupService({ directory }) });
    const bar = new ProgressBar();
    const options = { onProgress: bar.show, signal };
    const step: Step = async (title, work) => {
      signal.throwIfAborted();
      console.log(`  ${title}`);
      using _watch = bar.watch();
      const result = await work();
      bar.finish();
      signal.throwIfAborted();
      return result;
    };

    const volume: Volume = { id: randomUUID(), size: 1, projectId: 'demo' };
    const path = await step('a volume of 1 GiB: program code, text, zeros, random bytes', () =>
      makeVolume(simulator, volume),
    );
    const original = await step("the disk's SHA-256", () => simulator.diskSha256(path));

    const backup = { id: randomUUID(), volumeId: volume.id, size: volume.size };
    const manifest = await step('backup', () => driver.backupVolume(backup, volume, options));
    await step('the stored backup is read again and every grain of it inflated', () =>
      driver.verifyBackup(backup, { manifest, ...options }),
    );

    const damaged = await step('the disk is overwritten', async () => {
      await simulator.writeDisk(path, damage(256 * 1024 * 1024));
      return simulator.diskSha256(path);
    });
    if (damaged === original) throw new Error('the demo did not manage to damage the disk');

    const copy: Volume = { id: randomUUID(), size: 1, projectId: 'demo' };
    const larger: Volume = { id: randomUUID(), size: 2, projectId: 'demo' };
    await step('restore in place', () => driver.restoreBackup(backup, volume, { manifest, ...options }));
    await step('restore to a second, new volume', () => driver.restoreBackup(backup, copy, { manifest, ...options }));
    await step('restore to a third, larger one of 2 GiB', () =>
      driver.restoreBackup(backup, larger, { manifest, ...options }),
    );

    const pathOf = (wanted: Volume): string => diskPath(simulator, wanted);
    const diskOf = (wanted: Volume): Promise<string> => simulator.diskSha256(pathOf(wanted));
    const comparisons = await step('the SHA-256 of each disk', async () => [
      { what: `${mode}: restored in place`, expected: original, actual: await diskOf(volume) },
      { what: `${mode}: restored to a new volume`, expected: original, actual: await diskOf(copy) },
      {
        what: `${mode}: restored to a larger volume`,
        expected: await withZeros(simulator, pathOf(copy), bytesPerGiB),
        actual: await diskOf(larger),
      },
    ]);
    if (mode === 'vcenter') {
      const stage = { simulator, vim, directory, volume, step, options, sha256Of: diskOf, pathOf };
      comparisons.push(...(await showIncrements(stage)));
    }
    return { comparisons, leftovers: simulator.leftovers() };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function makeVolume(simulator: Simulator, volume: Volume): Promise<string> {
  await simulator.addVm({
    name: `volume-${volume.id}`,
    instanceUuid: volume.id,
    disk: { capacityBytes: volume.size * bytesPerGiB },
    extraConfig: { 'cinder.volume.id': volume.id },
  });
  const path = diskPath(simulator, volume);
  await simulator.writeDisk(path, realContent());
  return path;
}

function diskPath(simulator: Simulator, volume: Volume): string {
  const path = simulator.vms().find(({ instanceUuid }) => instanceUuid === volume.id)?.disks[0]?.path;
  if (path === undefined) throw new Error(`volume ${volume.id} has no disk`);
  return path;
}

/** The SHA-256 a disk has once it was extended by zeros. */
async function withZeros(simulator: Simulator, path: string, zeroBytes: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of simulator.readDisk(path)) hash.update(chunk as Buffer);
  const zeros = Buffer.alloc(1024 * 1024);
  for (let done = 0; done < zeroBytes; done += zeros.length) hash.update(zeros);
  return hash.digest('hex');
}

/** @returns whether every disk is what it should be, and nothing is left */
function report({ comparisons, leftovers }: Outcome): boolean {
  for (const { what, expected, actual } of comparisons) {
    console.log(`  ${actual === expected ? 'identical' : 'DIFFERENT'}  ${actual}  ${what}`);
  }
  if (leftovers.length > 0) console.log(`leftovers: ${JSON.stringify(leftovers, undefined, 2)}`);
  return leftovers.length === 0 && comparisons.every(({ expected, actual }) => expected === actual);
}

try {
  const outcomes = [await demonstrate('vcenter'), await demonstrate('esxi')];
  console.log('\nSHA-256 of each disk');
  const good = outcomes.map(report).every(Boolean);
  console.log(good ? 'leftovers: none' : 'this is not as it should be');
  if (!good) process.exitCode = 1;
} catch (error) {
  if (!signal.aborted) throw error;
  process.exitCode = 130;
}
