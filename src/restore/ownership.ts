import { extraConfig } from '../backing/vm-config.js';
import { isVimFault, OwnershipLostError } from '../errors/index.js';
import { stampKey, writeJournal } from '../journal/restore-journal.js';
import type { Logger } from '../logger.js';
import { reconfigure } from '../vim/reconfigure.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import { serverTime } from '../vim/server-time.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { owns } from './fencing.js';
import { type JournalledVm, readTemporaryVm, type TemporaryVm } from './temporary-vm.js';

type Spec = VimObject<'VirtualMachineConfigSpec'>;

/** How often an owner shows that it lives while no lease does, in milliseconds. */
const stampIntervalMs = 60_000;
/** How often a change is made anew because somebody changed the VM meanwhile. */
const tries = 5;

/** A change of a temporary VM. */
export interface OwnedChange {
  /** The change, given what was read of the VM. */
  readonly spec: (vm: JournalledVm) => Spec;
  /** Whether it was made; asked where its reply was lost. */
  readonly isMade: (vm: TemporaryVm) => boolean;
}

/** Every change is a sign of life; this is nothing else. */
const signOfLife: OwnedChange = { spec: () => ({}), isMade: () => true };

/**
 * The ownership of a temporary VM. Every change of it names the version of a read that showed its owner; so one that arrives
 * after somebody else took the VM over is refused, however late.
 */
export class Ownership {
  readonly #vim: VimSession;
  readonly #logger: Logger;
  readonly ref: MoRef;
  readonly token: string;
  /** The end of the last change asked for: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(vim: VimSession, ref: MoRef, token: string, logger: Logger) {
    this.#vim = vim;
    this.ref = ref;
    this.token = token;
    this.#logger = logger;
  }

  /**
   * Reads the VM as its owner.
   *
   * @throws OwnershipLostError where it is somebody else's, or gone
   */
  async read(options?: AbortableOptions): Promise<JournalledVm> {
    const vm = await readTemporaryVm(this.#vim, this.ref, options);
    if (vm?.journal === undefined || !owns(vm.sight, this.token)) {
      const what = vm === undefined ? 'is gone' : `was taken over by ${vm.journal?.owner ?? 'somebody'}`;
      throw new OwnershipLostError(`the restore was ended by somebody else: its temporary VM ${what}`);
    }
    return { ...vm, journal: vm.journal };
  }

  /** Changes the VM as its owner, with a sign of life; once nothing stands in the way, for which it is read anew. */
  change(change: OwnedChange, options?: AbortableOptions): Promise<void> {
    return this.#inTurn(() => whenFree(this.#vim, () => this.#change(change, options), options));
  }

  /** {@link change}, and fails where something stands in the way. */
  tryChange(change: OwnedChange, options?: AbortableOptions): Promise<void> {
    return this.#inTurn(() => this.#change(change, options));
  }

  /** Shows that the owner lives. */
  showLife(options?: AbortableOptions): Promise<void> {
    return this.change(signOfLife, options);
  }

  /** Shows every minute that the owner lives, until it is disposed of. */
  keepAlive(): AsyncDisposable {
    let stamping = false;
    const stamp = async (): Promise<void> => {
      if (stamping) return;
      stamping = true;
      // Where something stands in the way, the next one has the time to wait.
      await this.tryChange(signOfLife).catch((error: unknown) => {
        this.#logger.debug({ vm: this.ref.value, err: error }, 'no sign of life could be given');
      });
      stamping = false;
    };
    const timer = setInterval(() => void stamp(), stampIntervalMs);
    timer.unref();
    return {
      [Symbol.asyncDispose]: async () => {
        clearInterval(timer);
        await this.#turn;
      },
    };
  }

  #inTurn(make: () => Promise<void>): Promise<void> {
    const made = this.#turn.then(make);
    this.#turn = made.catch(() => undefined);
    return made;
  }

  /** A sign of life, unless the entries end the journal, stamp and all: a key may be named once only. */
  async #stamp(entries: NonNullable<Spec['extraConfig']>, options?: AbortableOptions): Promise<typeof entries> {
    if (entries.some(({ key }) => key === stampKey)) return [];
    const stamp = (await serverTime(this.#vim, options)).toISOString();
    return extraConfig(writeJournal({ stamp }));
  }

  async #change({ spec, isMade }: OwnedChange, options?: AbortableOptions): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const vm = await this.read(options);
      const { extraConfig: entries = [], ...rest } = spec(vm);
      const stamped = {
        ...rest,
        ...atVersion(vm),
        extraConfig: [...(await this.#stamp(entries, options)), ...entries],
      };
      const wasMade = async (): Promise<boolean> => {
        const now = await readTemporaryVm(this.#vim, this.ref);
        return now !== undefined && isMade(now);
      };
      try {
        await reconfigure(this.#vim, this.ref, stamped, wasMade, options);
        return;
      } catch (error) {
        if (!isVimFault(error, 'ConcurrentAccess') || attempt === tries) throw error;
      }
    }
  }
}

/** The part of a spec that has it refused for a VM that was changed since it was read. */
export function atVersion({
  changeVersion,
}: {
  readonly changeVersion: string | undefined;
}): Pick<Spec, 'changeVersion'> {
  return changeVersion === undefined ? {} : { changeVersion };
}
