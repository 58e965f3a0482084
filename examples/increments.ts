import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type OperationOptions, type VimSession, VmdkDriver, type Volume } from 'vmdk-driver';
import { type CommitResult, RepositoryBackupService } from 'vmdk-driver/repository';
import type { Simulator } from 'vmdk-driver/simulator';
import { FileObjectStore } from 'vmdk-driver/stores';
import type { Comparison, Step } from './demo.js';

const bytesPerMiB = 1024 * 1024;

/** What the increments of a volume are shown with. */
interface Stage {
  readonly simulator: Simulator;
  readonly vim: VimSession;
  /** Where the repository goes. */
  readonly directory: string;
  readonly volume: Volume;
  readonly step: Step;
  readonly options: OperationOptions;
  readonly sha256Of: (volume: Volume) => Promise<string>;
  readonly pathOf: (volume: Volume) => string;
}

/** Backs a volume up into a repository, before and after a small change, and restores both backups. */
export async function showIncrements(stage: Stage): Promise<Comparison[]> {
  const { simulator, vim, directory, volume, step, options, sha256Of, pathOf } = stage;
  const repository = new RepositoryBackupService({
    store: new FileObjectStore({ directory: join(directory, 'repository') }),
  });
  await repository.initialize();
  const driver = new VmdkDriver({ vim, backupService: repository });
  const comparisons: Comparison[] = [];
  const backUp = async (title: string) => {
    const backup = { id: randomUUID(), volumeId: volume.id, size: volume.size };
    const manifest = await step(title, () => driver.backupVolume(backup, volume, options));
    const { increment } = manifest.serviceMetadata as CommitResult;
    const [stored, all] = [increment.bytesStored, manifest.streamBytes].map((bytes) =>
      (bytes / bytesPerMiB).toFixed(1),
    );
    console.log(
      `    stored ${stored} MiB of ${all} MiB: ${increment.grainsNew} grains new, ${increment.grainsSame} there before`,
    );
    return { backup, manifest, sha256: await sha256Of(volume) };
  };

  const backups = [await backUp('a backup into a repository')];
  await step('1 MiB of the disk is written anew', () =>
    simulator.writeDisk(pathOf(volume), randomBytes(bytesPerMiB), 100 * bytesPerMiB),
  );
  backups.push(await backUp('another one, which stores what changed'));
  for (const [number, { backup, manifest, sha256 }] of backups.entries()) {
    const copy: Volume = { id: randomUUID(), size: 1, projectId: 'demo' };
    const what = number === 0 ? 'the first one, restored' : 'the second one, restored';
    await step(what, () => driver.restoreBackup(backup, copy, { manifest, ...options }));
    comparisons.push({ what: `repository: ${what}`, expected: sha256, actual: await sha256Of(copy) });
  }
  return comparisons;
}
