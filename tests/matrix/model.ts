import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  type BackupManifest,
  type ErrorCode,
  type RestoreResult,
  VmdkDriverError,
  type Volume,
} from '../../src/index.js';
import type { Backup } from '../../src/services/index.js';
import { leftovers, waitForLeases } from './judge.js';
import { bytesPerGiB, MatrixLab } from './lab.js';

/** What a check of the model came to. */
export interface ModelReport {
  readonly runs: number;
  readonly steps: number;
  /** The shortest sequence that fails, and how. */
  readonly failure: string | undefined;
}

const volumeCount = 3;
const index = fc.nat({ max: volumeCount - 1 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), volume: index }),
  fc.record({ kind: fc.constant('backup' as const), volume: index }),
  fc.record({ kind: fc.constant('restore' as const), volume: index, from: index, grow: fc.boolean() }),
  fc.record({ kind: fc.constant('restore as new' as const), volume: index, from: index }),
  fc.record({
    kind: fc.constant('interrupted restore' as const),
    volume: index,
    from: index,
    at: fc.integer({ min: 1, max: 60 }),
    when: fc.constantFrom('before' as const, 'after' as const),
    how: fc.constantFrom('fault' as const, 'reset' as const, 'outage' as const, 'cancel' as const),
  }),
  fc.record({ kind: fc.constant('restore with snapshot' as const), volume: index, from: index }),
  fc.record({ kind: fc.constant('two at once' as const), volume: index, other: index, from: index }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface ModelVolume {
  volume: Volume;
  content: string;
  backup: { readonly backup: Backup; readonly manifest: BackupManifest; readonly content: string } | undefined;
}

/**
 * Runs random sequences of operations and interruptions on three volumes against a model that knows what each volume's
 * disk must hold, and looks at all of them after each step.
 */
export async function checkModel(seed: number, runs: number): Promise<ModelReport> {
  let steps = 0;
  const property = fc.asyncProperty(
    fc.constantFrom('vcenter' as const, 'esxi' as const),
    fc.array(step, { minLength: 4, maxLength: 14 }),
    async (mode, sequence) => {
      await using lab = await MatrixLab.start(mode);
      const model = await Model.start(lab);
      for (const next of sequence) {
        await model.take(next);
        await model.check(next);
        steps++;
      }
    },
  );
  const details = await fc.check(property, { seed, numRuns: runs, endOnFailure: true });
  return { runs: details.numRuns, steps, failure: details.failed ? fc.defaultReportMessage(details) : undefined };
}

class Model {
  readonly #lab: MatrixLab;
  readonly #volumes: readonly ModelVolume[];
  #counter = 0;

  private constructor(lab: MatrixLab, volumes: readonly ModelVolume[]) {
    this.#lab = lab;
    this.#volumes = volumes;
  }

  static async start(lab: MatrixLab): Promise<Model> {
    const volumes: ModelVolume[] = [];
    for (let n = 0; n < volumeCount; n++) {
      const volume = { id: randomUUID(), size: 1 + n };
      const vm = await lab.addVolume(volume, `volume ${n}`);
      volumes.push({ volume, content: await lab.contentOf(vm), backup: undefined });
    }
    return new Model(lab, volumes);
  }

  async take(step: Step): Promise<void> {
    const target = this.#at(step.volume);
    switch (step.kind) {
      case 'write':
        await this.#write(target);
        return;
      case 'backup':
        await this.#backup(target);
        return;
      case 'restore':
        await this.#restore(target, this.#at(step.from), step.grow ? 1 : 0);
        return;
      case 'restore as new': {
        const [vm] = this.#lab.vmsOf(target.volume);
        if (this.#at(step.from).backup === undefined || tooSmall(target, this.#at(step.from))) return;
        await this.#lab.simulator.removeVm(vm?.ref.value ?? '');
        await this.#restore(target, this.#at(step.from), 0);
        return;
      }
      case 'interrupted restore':
        await this.#interrupted(target, this.#at(step.from), step);
        return;
      case 'restore with snapshot': {
        const vm = this.#lab.vmsOf(target.volume)[0]?.ref.value ?? '';
        this.#lab.simulator.createSnapshot(vm);
        await this.#refused(target, this.#at(step.from), 'VOLUME_HAS_SNAPSHOTS');
        this.#lab.simulator.removeAllSnapshots(vm);
        return;
      }
      case 'two at once':
        await this.#twoAtOnce(target, this.#at(step.other), this.#at(step.from));
    }
  }

  /** Every volume has what the model says, on one VM, with one disk; nothing else is there. */
  async check(step: Step): Promise<void> {
    await waitForLeases(this.#lab);
    const problems = await leftovers(this.#lab);
    for (const [n, { volume, content }] of this.#volumes.entries()) {
      const vms = this.#lab.vmsOf(volume);
      const actual = {
        vms: vms.length,
        contents: await Promise.all(vms.map((vm) => this.#lab.contentOf(vm))),
        capacities: vms.flatMap(({ disks }) => disks.map(({ capacityBytes }) => capacityBytes / bytesPerGiB)),
      };
      if (!isDeepStrictEqual(actual, { vms: 1, contents: [content], capacities: [volume.size] })) {
        problems.push(`volume ${n} of ${volume.size} GiB should hold ${content}: ${JSON.stringify(actual)}`);
      }
    }
    if (problems.length > 0) throw new Error(`after ${JSON.stringify(step)}: ${problems.join('; ')}`);
  }

  #at(n: number): ModelVolume {
    const volume = this.#volumes[n];
    if (volume === undefined) throw new RangeError(`there is no volume ${n}`);
    return volume;
  }

  async #write(target: ModelVolume): Promise<void> {
    const [vm] = this.#lab.vmsOf(target.volume);
    const data = Buffer.alloc(64 * 1024, `write ${this.#counter++} `);
    await this.#lab.simulator.writeDisk(vm?.disks[0]?.path ?? '', data, 128 * 1024);
    target.content = vm === undefined ? '' : await this.#lab.contentOf(vm);
  }

  async #backup(target: ModelVolume): Promise<void> {
    const backup = { id: `model-${this.#counter++}`, volumeId: target.volume.id };
    const manifest = await this.#lab.driver().backupVolume(backup, target.volume);
    target.backup = { backup, manifest, content: target.content };
  }

  async #restore(target: ModelVolume, from: ModelVolume, growBy: number): Promise<void> {
    if (from.backup === undefined) return;
    const volume = { ...target.volume, size: target.volume.size + growBy };
    if (tooSmall({ ...target, volume }, from)) {
      await this.#refused(target, from, 'VOLUME_TOO_SMALL');
      return;
    }
    const { backup, manifest, content } = from.backup;
    const result = await this.#lab.driver(growBy > 0 ? 'stream' : 'file').restoreBackup(backup, volume, { manifest });
    if (result.cleanup !== 'done') throw new Error('a restore left something although nothing went wrong');
    target.volume = volume;
    target.content = content;
  }

  async #refused(target: ModelVolume, from: ModelVolume, code: ErrorCode): Promise<void> {
    if (from.backup === undefined) return;
    const { backup, manifest } = from.backup;
    await expectRefusal(this.#lab.driver().restoreBackup(backup, target.volume, { manifest }), code);
  }

  /** Afterwards the model goes by what the driver said; `recover()` has the last word where it could not say. */
  async #interrupted(
    target: ModelVolume,
    from: ModelVolume,
    { at, when, how }: Extract<Step, { kind: 'interrupted restore' }>,
  ): Promise<void> {
    if (from.backup === undefined || tooSmall(target, from)) return;
    const { backup, manifest, content } = from.backup;
    const controller = new AbortController();
    const end = this.#interrupt(at, when, how, controller);
    const outcome: RestoreResult | VmdkDriverError = await this.#lab
      .driver()
      .restoreBackup(backup, target.volume, { manifest, signal: controller.signal })
      .catch((error: unknown) => {
        if (error instanceof VmdkDriverError) return error;
        throw error;
      });
    end();
    const report = await this.#lab.driver().recover({ olderThanMs: 0 });
    if (outcome.cleanup === 'done' && report.restores.length > 0)
      throw new Error('recovery found what was said to be gone');
    const completed = report.restores.some((restore) => restore.outcome === 'completed');
    if (!(outcome instanceof VmdkDriverError) || completed) target.content = content;
  }

  #interrupt(at: number, when: 'before' | 'after', how: string, controller: AbortController): () => void {
    const { simulator } = this.#lab;
    if (how === 'fault')
      simulator.injectFault({ method: '*', nth: at, when, kind: { fault: 'SystemError', reason: '' } });
    if (how === 'reset') simulator.injectFault({ method: '*', nth: at, when, kind: 'reset' });
    let left = at;
    const stop = simulator.onCall(({ phase }) => {
      if (how === 'outage' && phase === 'before' && left <= 0) throw new Error('the server is out of reach');
      if (phase === when && --left === 0 && how === 'cancel') controller.abort();
    });
    return () => {
      stop();
      simulator.clearFaults();
    };
  }

  /** Two volumes do not disturb each other; of two operations on one, the second is refused. */
  async #twoAtOnce(target: ModelVolume, other: ModelVolume, from: ModelVolume): Promise<void> {
    if (target !== other) {
      await Promise.all([this.#restore(target, from, 0), this.#restore(other, from, 0)]);
      return;
    }
    const first = this.#restore(target, target.backup === undefined ? from : target, 0);
    const backup = { id: `refused-${this.#counter++}`, volumeId: target.volume.id };
    const isRunning = (target.backup ?? from.backup) !== undefined;
    const second = this.#lab.driver().backupVolume(backup, target.volume);
    if (isRunning) await expectRefusal(second, 'VOLUME_BUSY');
    else await second;
    await first;
  }
}

function tooSmall({ volume }: ModelVolume, { backup }: ModelVolume): boolean {
  return (backup?.manifest.capacityBytes ?? 0) > volume.size * bytesPerGiB;
}

async function expectRefusal(operation: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await operation.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VmdkDriverError) || error.code !== code) throw new Error(`not ${code}: ${String(error)}`);
}
