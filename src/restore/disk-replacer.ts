import { assertNoParent, assertNoSnapshots, assertPoweredOff, type Backing, readBacking } from '../backing/backing.js';
import { asBackingError } from '../backing/backing-faults.js';
import { assertNotReferred, referencesTo } from '../backing/file-references.js';
import { setAttachedDiskUuid } from '../backing/set-attached-disk-uuid.js';
import { assertUnlocked, hasUuid } from '../backing/virtual-disk.js';
import {
  isVimFault,
  OwnershipLostError,
  RestoreError,
  throwIfAborted,
  VimConnectionError,
  VimFault,
  VmdkDriverError,
  VolumeBusyError,
} from '../errors/index.js';
import type { BackingMarks } from '../journal/backing-marks.js';
import type { Operation } from '../operation/operation.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { type DiskExchange, exchangeBackDisk, exchangeDisk, withFile } from './exchange-disk.js';
import { exchangeMark, exchangeState } from './fencing.js';
import type { Ownership } from './ownership.js';
import type { NewDisk } from './prepare-new-disk.js';
import { type ExpectedDisk, whatIsWrong } from './prove-exchange.js';

/** What is replaced. */
export interface ReplacementPlan {
  readonly operationId: string;
  readonly backing: Backing;
  readonly datacenter: MoRef;
  readonly profiles: StorageProfiles;
}

/**
 * What is known of a backing's exchange: nothing of it was sent; it was answered, well or not; its end is not known, and it may
 * still come; it was made and proved.
 */
export type ExchangeKnowledge = 'not sent' | 'answered' | 'unknown' | 'proved';

/** How often an exchange is prepared anew because somebody changed the backing meanwhile. */
const tries = 5;

/** Exchanges a backing's disk, once, and knows how far that came. */
export class DiskReplacer {
  readonly #operation: Operation;
  readonly #plan: ReplacementPlan;
  #state: ExchangeKnowledge = 'not sent';
  #markBefore: string | undefined;
  /** The backing that the exchange was last sent for. */
  #sentFor: Backing | undefined;
  #expected: ExpectedDisk | undefined;

  constructor(operation: Operation, plan: ReplacementPlan) {
    this.#operation = operation;
    this.#plan = plan;
  }

  get state(): ExchangeKnowledge {
    return this.#state;
  }

  /** What the backing was marked with before the exchange. */
  get markBefore(): string | undefined {
    return this.#markBefore;
  }

  /**
   * Gives the backing the new disk for its old one, and proves it; a new disk that is not as it should be goes back out. Where it
   * throws after the exchange was made, that is not proved: {@link prove} can tell.
   */
  async exchange(newDisk: NewDisk, ownership: Ownership): Promise<void> {
    const { vim, signal } = this.#operation;
    // Each try reads the backing, and who owns the temporary VM, again.
    const before = await whenFree(vim, () => this.#exchange(newDisk, ownership), { signal }).catch(
      async (error: unknown) => {
        throw await asBackingError(vim, error, this.#plan.backing.name);
      },
    );
    const wrong = await this.prove();
    if (wrong === undefined) return;
    const what = `the exchanged disk was not as it should be (${wrong})`;
    let hasPolicy: boolean;
    try {
      hasPolicy = await whenFree(vim, () => this.#exchangeBack(before, ownership));
    } catch (error) {
      const isSelfTelling = error instanceof OwnershipLostError || error instanceof VimConnectionError;
      if (isSelfTelling || !(error instanceof VmdkDriverError)) throw error;
      // What the volume has then is asked by who ends the restore.
      throw new RestoreError(`${what}, and its old disk ${before.disk.path} could not be put back: ${error.message}`, {
        cause: error,
      });
    }
    throw new RestoreError(
      `${what}; the volume has its old disk again${hasPolicy ? '' : ', without its storage policy, which was refused'}`,
    );
  }

  /**
   * Proves that the backing has the new disk, and that as it should be.
   *
   * @returns what is wrong; `undefined` where nothing is
   * @throws where that cannot be told
   */
  async prove(): Promise<string | undefined> {
    const { vim } = this.#operation;
    const { backing, operationId } = this.#plan;
    if (this.#expected === undefined) return 'it was not exchanged';
    const after = await this.#withUuid(await readBacking(vim, backing.ref), this.#expected.uuid);
    if (exchangeState(after.marks.operation, operationId) !== 'completed') throw exchangedAgain(after);
    const wrong = await whatIsWrong(vim, after, this.#expected);
    if (wrong === undefined) this.#state = 'proved';
    return wrong;
  }

  /**
   * The order matters: the backing is read, then who owns the temporary VM, and then the exchange is made at the version that was
   * read. Who takes the restore over moves that version on after he became the owner.
   *
   * @returns the backing as it was
   */
  async #exchange(newDisk: NewDisk, ownership: Ownership): Promise<Backing> {
    const { vim, signal } = this.#operation;
    const { backing, profiles, operationId } = this.#plan;
    for (let attempt = 1; ; attempt++) {
      const now = await readBacking(vim, backing.ref, { signal });
      // What is refused as too late may have been made: by the first of two calls that a proxy made of one.
      if (this.#sentFor !== undefined && exchangeState(now.marks.operation, operationId) === 'completed') {
        return this.#sentFor;
      }
      await this.#assertReplaceable(now);
      this.#markBefore = now.marks.operation;
      // The last moment at which the operation can be cancelled.
      throwIfAborted(signal);
      await ownership.read();
      const marks = {
        operation: exchangeMark(operationId),
        removedDisk: now.disk.path,
        removedDatastore: now.disk.datastore.value,
      };
      const add = withFile(now.disk.device, newDisk.path, newDisk.capacityBytes);
      const exchange = { ...exchangeOf(now, marks), add, storageProfile: profiles.disk };
      const { controllerKey = 0, unitNumber = 0 } = now.disk.device;
      const { capacityBytes } = newDisk;
      this.#expected = { controllerKey, unitNumber, capacityBytes, uuid: now.disk.uuid, profiles };
      this.#sentFor = now;
      try {
        await this.#send(exchange, exchangeDisk);
        return now;
      } catch (error) {
        if (!isVimFault(error, 'ConcurrentAccess') || attempt === tries) throw error;
      }
    }
  }

  /**
   * Fenced as the exchange itself is.
   *
   * @returns whether the old disk has its storage policy, as far as is known
   */
  async #exchangeBack(before: Backing, ownership: Ownership): Promise<boolean> {
    const { vim } = this.#operation;
    const { backing, profiles, operationId } = this.#plan;
    for (let attempt = 1; ; attempt++) {
      const now = await readBacking(vim, backing.ref);
      const state = exchangeState(now.marks.operation, operationId);
      if (state === 'exchanged back') return true;
      if (state === 'undone') throw exchangedAgain(now);
      await ownership.read();
      const marks = {
        operation: exchangeMark(operationId, { back: true }),
        removedDisk: now.disk.path,
        removedDatastore: now.disk.datastore.value,
      };
      const add = withFile(before.disk.device, before.disk.path, before.disk.capacityBytes);
      try {
        return await this.#send({ ...exchangeOf(now, marks), add, storageProfile: profiles.disk }, exchangeBackDisk);
      } catch (error) {
        if (!isVimFault(error, 'ConcurrentAccess') || attempt === tries) throw error;
      }
    }
  }

  /** Knows what became of a call, also where it throws. */
  async #send<T>(
    exchange: DiskExchange,
    make: (vim: VimSession, ref: MoRef, exchange: DiskExchange) => Promise<T>,
  ): Promise<T> {
    this.#state = 'unknown';
    try {
      const made = await make(this.#operation.vim, this.#plan.backing.ref, exchange);
      this.#state = 'answered';
      return made;
    } catch (error) {
      const isOpen = error instanceof VimConnectionError && error.outcome === 'unknown';
      if (!isOpen) this.#state = 'answered';
      throw error;
    }
  }

  /** The backing may have been touched while bytes moved: what was refused at the beginning is refused now. */
  async #assertReplaceable(now: Backing): Promise<void> {
    await assertReplaceable(this.#operation, now, this.#plan.datacenter);
    const { capacityBytes } = this.#plan.backing.disk;
    if (now.disk.capacityBytes === capacityBytes) return;
    throw new VolumeBusyError(`the disk of ${now.name} was resized during the restore: restore again`, {
      retryable: true,
    });
  }

  /** A server that did not keep the UUID which the detached disk was given takes it for the attached one. */
  async #withUuid(after: Backing, uuid: string | undefined): Promise<Backing> {
    const { vim } = this.#operation;
    if (uuid === undefined || hasUuid(after.disk.uuid, uuid)) return after;
    await whenFree(vim, () => setAttachedDiskUuid(vim, after, uuid)).catch((error: unknown) => {
      // What the disk lacks is seen by who asked.
      if (!(error instanceof VimFault)) throw error;
    });
    return readBacking(vim, after.ref);
  }
}

/**
 * Refuses a backing whose disk cannot be replaced, or must not be: it runs, has snapshots, is built on another disk, is in use by
 * another VM, or locked.
 */
export async function assertReplaceable(
  { vim, signal }: Pick<Operation, 'vim' | 'signal'>,
  backing: Backing,
  datacenter: MoRef,
): Promise<void> {
  const { name, disk, ref } = backing;
  assertPoweredOff(backing);
  assertNoSnapshots(backing, 'replaced');
  assertNoParent(backing, 'replaced');
  const { path, uuid, datastore } = disk;
  assertNotReferred(name, await referencesTo(vim, { path, datastore }, { ref, hasFile: true }, { signal }), 'replaced');
  await assertUnlocked(vim, { path, uuid, datacenter }, { signal }).catch(async (error: unknown) => {
    throw await asBackingError(vim, error, name);
  });
}

function exchangeOf(now: Backing, marks: BackingMarks) {
  return { changeVersion: now.changeVersion, remove: now.disk.device, marks };
}

function exchangedAgain({ name }: Backing): OwnershipLostError {
  return new OwnershipLostError(`the disk of ${name} was exchanged again by somebody else`);
}
