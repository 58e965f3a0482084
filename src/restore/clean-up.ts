import { type FileReferences, isFree, referencesTo } from '../backing/file-references.js';
import { deleteDisk, diskExists } from '../backing/virtual-disk.js';
import { isVimFault, OwnershipLostError, RestoreError } from '../errors/index.js';
import type { Logger } from '../logger.js';
import { lookAgain } from '../vim/look-again.js';
import { repeatLost } from '../vim/repeat-lost.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { readBackingState } from './backing-state.js';
import { leadsInto } from './datastore-address.js';
import { attachment, destroyTemporaryVm, detachment } from './destroy-temporary-vm.js';
import type { Ending, Resolution } from './ending.js';
import { nextCleanupStep, type RestoreRemains } from './fencing.js';
import { Ownership } from './ownership.js';
import { readTemporaryVm, type TemporaryVm } from './temporary-vm.js';

/** What is to be cleaned up, and by what right. */
export interface Cleaning extends Omit<RestoreRemains, 'settled'> {
  readonly ref: MoRef;
  /** By which the temporary VM is owned. */
  readonly token: string;
  /** `undefined` where there is none: the restore was to a new volume. */
  readonly backing: MoRef | undefined;
  readonly datacenter: MoRef | undefined;
  /** Where the imported disk lies, and the removed one. */
  readonly datastore: MoRef | undefined;
  readonly removedDatastore: MoRef | undefined;
  /** A file that is not certainly the volume's: it stays, and is reported where it is there. */
  readonly notOurs: string | undefined;
  readonly logger: Logger;
}

/** What became of it. */
export interface Cleaned {
  /** Datastore paths of files that somebody else refers to, or may. */
  readonly kept: readonly string[];
  /** Whether somebody else took it over, and does the rest. */
  readonly left: boolean;
}

/**
 * Removes what a restore made and does not need any more, step by step as {@link nextCleanupStep} says. Before a file goes, who
 * else refers to it is asked.
 *
 * @throws where something cannot be removed now; then the temporary VM is still there, and whoever comes next finds it by that
 */
export async function cleanUp(vim: VimSession, cleaning: Cleaning): Promise<Cleaned> {
  const run = new CleanUp(vim, cleaning);
  try {
    return await run.run();
  } catch (error) {
    if (error instanceof OwnershipLostError) return { kept: run.kept, left: true };
    throw error;
  }
}

/** The end of a restore of which only cleaning up is left: where that fails, what became of the restore is true all the same. */
export async function endClean(resolution: Resolution, clean: () => Promise<Cleaned>): Promise<Ending> {
  const ending = { resolution, lost: false, leased: false };
  try {
    const { kept, left } = await clean();
    return { ...ending, kept, cleanup: left ? 'pending' : kept.length > 0 ? 'kept' : 'done' };
  } catch (error) {
    return { ...ending, kept: [], cleanup: 'pending', error };
  }
}

/** Who uses a file. */
interface FileUse {
  readonly references: FileReferences;
  /** Whether only the backing refers to it: by its devices as well, or by a layout that lags behind them. */
  readonly ofBacking: 'attached' | 'lagging' | undefined;
}

class CleanUp {
  readonly #vim: VimSession;
  readonly #cleaning: Cleaning;
  readonly #ownership: Ownership;
  readonly #settled = new Set<string>();
  readonly #kept = new Set<string>();
  /** Files that nobody else refers to, as was asked since something last stood in the way. */
  readonly #free = new Set<string>();
  #temporary: TemporaryVm | undefined;
  #backingDisks: readonly string[] = [];

  constructor(vim: VimSession, cleaning: Cleaning) {
    this.#vim = vim;
    this.#cleaning = cleaning;
    this.#ownership = new Ownership(vim, cleaning.ref, cleaning.token, cleaning.logger);
  }

  get kept(): readonly string[] {
    return [...this.#kept];
  }

  /**
   * Where something stands in the way for a moment, all is looked at and asked again before it is tried once more: that may have been
   * somebody who uses a file since.
   */
  run(): Promise<Cleaned> {
    return whenFree(this.#vim, () => {
      this.#free.clear();
      return this.#run();
    });
  }

  async #run(): Promise<Cleaned> {
    const { token, datastore, removedDatastore, ref } = this.#cleaning;
    await this.#look();
    for (;;) {
      const remains = { ...this.#cleaning, settled: this.#settled };
      const step = nextCleanupStep(this.#temporary?.sight, token, this.#backingDisks, remains);
      switch (step.what) {
        case 'delete':
          if (step.path === this.#cleaning.notOurs) await this.#keep(step.path, datastore);
          else if (await this.#mayGo(step.path, datastore)) await this.#delete(step.path, datastore);
          this.#settled.add(step.path);
          break;
        case 'attach':
          if ((await this.#mayGo(step.path, removedDatastore)) && (await this.#attach(step.path, removedDatastore))) {
            await this.#look();
          } else this.#settled.add(step.path);
          break;
        case 'detach':
          await this.#detach(step.path);
          break;
        case 'destroy': {
          const foreign = await this.#findForeign();
          if (foreign === undefined) {
            await destroyTemporaryVm(this.#vim, ref);
            return { kept: this.kept, left: false };
          }
          await this.#detach(foreign);
          this.#settled.add(foreign);
          break;
        }
        case 'leave':
          return { kept: this.kept, left: true };
        case 'nothing':
          return { kept: this.kept, left: false };
      }
    }
  }

  async #look(): Promise<void> {
    const { ref, backing } = this.#cleaning;
    this.#temporary = await readTemporaryVm(this.#vim, ref);
    const matters = backing !== undefined && (this.#temporary?.sight.attached.length ?? 0) > 0;
    this.#backingDisks = matters ? (await readBackingState(this.#vim, backing)).disks : [];
  }

  /** Whether a file may go, for all that can be seen; one that may not is kept, and reported. */
  async #mayGo(path: string, datastore: MoRef | undefined): Promise<boolean> {
    const { logger, notOurs } = this.#cleaning;
    if (path === notOurs) {
      this.#kept.add(path);
      return false;
    }
    if (this.#free.has(path)) return true;
    if (datastore === undefined) {
      this.#kept.add(path);
      return false;
    }
    const { references, ofBacking } = await this.#useOf(path, datastore);
    if (isFree(references)) {
      this.#free.add(path);
      return true;
    }
    // After a storage vMotion the volume's own disk may lie where the removed one did: that one is gone then.
    if (ofBacking === 'attached') return false;
    const { vms, unreadable, isListed } = references;
    logger.warn(
      { path, names: vms.map(({ name }) => name), unreadable, isListed },
      'a file is kept: other VMs refer to it, or may',
    );
    this.#kept.add(path);
    return false;
  }

  /** A layout may lag behind the exchange that took the disk from the backing: it is looked at again before it is believed. */
  async #useOf(path: string, datastore: MoRef): Promise<FileUse> {
    const look = async (): Promise<FileUse | undefined> => {
      const use = await this.#lookAtUse(path, datastore);
      return use.ofBacking === 'lagging' ? undefined : use;
    };
    return (await lookAgain(this.#vim, look, {})) ?? this.#lookAtUse(path, datastore);
  }

  async #lookAtUse(path: string, datastore: MoRef): Promise<FileUse> {
    const { ref, backing } = this.#cleaning;
    const references = await referencesTo(this.#vim, { datastore, path }, { ref, hasFile: false });
    const { vms } = references;
    if (backing === undefined || vms.length === 0 || vms.some((vm) => vm.ref.value !== backing.value)) {
      return { references, ofBacking: undefined };
    }
    const { files } = await readBackingState(this.#vim, backing);
    return { references, ofBacking: files.includes(path) ? 'attached' : 'lagging' };
  }

  /** A disk on the temporary VM that must not go with it, be it for what it is built on. */
  async #findForeign(): Promise<string | undefined> {
    for (const chain of this.#temporary?.chains ?? []) {
      const [disk] = chain;
      for (const { path, datastore } of chain) {
        if (!(await this.#mayGo(path, datastore))) return disk.path;
      }
    }
    return undefined;
  }

  /** @returns whether it is attached now; not where the file is gone */
  async #attach(path: string, datastore: MoRef | undefined): Promise<boolean> {
    try {
      await repeatLost(() => this.#ownership.tryChange(attachment(path)));
      return true;
    } catch (error) {
      if (!isVimFault(error, 'FileNotFound')) throw error;
      await this.#assertGone(path, datastore, error);
      return false;
    }
  }

  async #detach(path: string): Promise<void> {
    await repeatLost(() => this.#ownership.tryChange(detachment(path)));
    await this.#look();
  }

  async #delete(path: string, datastore: MoRef | undefined): Promise<void> {
    const { datacenter } = this.#cleaning;
    if (datacenter === undefined) return;
    const outcome = await repeatLost(() => deleteDisk(this.#vim, { path, datacenter }));
    if (outcome === 'not found') await this.#assertGone(path, datastore);
  }

  /** What is not certainly ours stays; where it is there it is reported. */
  async #keep(path: string, datastore: MoRef | undefined): Promise<void> {
    const { datacenter } = this.#cleaning;
    if (datacenter === undefined) return;
    if (await diskExists(this.#vim, { path, datacenter })) this.#kept.add(path);
    else await this.#assertGone(path, datastore);
  }

  /** That a file is not at its path says that it is gone only as long as the path leads to where it was. */
  async #assertGone(path: string, datastore: MoRef | undefined, cause?: unknown): Promise<void> {
    if (datastore === undefined || (await leadsInto(this.#vim, datastore, path))) return;
    throw new RestoreError(
      `${path} is not there, but its datastore has another name by now or cannot be reached: it may be elsewhere`,
      { ...(cause === undefined ? {} : { cause }), retryable: true },
    );
  }
}
