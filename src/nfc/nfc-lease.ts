import { isVimFault, LeaseError, VimConnectionError, VimFault } from '../errors/index.js';
import type { Operation } from '../operation/operation.js';
import { usualLeaseMs } from '../vim/busy-object.js';
import { readProperties } from '../vim/property-collector.js';
import { repeatLost } from '../vim/repeat-lost.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions } from '../vim/vim-session.js';
import { waitForProperties } from '../vim/wait-for-updates.js';

/** The longest pause between two renewals: a call a minute costs nothing, one per chunk halves the speed. */
const longestRenewalMs = 60_000;
/** The shortest, whatever timeout a server tells. */
const shortestRenewalMs = 1_000;
/** How long the end of a lease may take when nobody waits for its result any more. */
const abortTimeoutMs = 30_000;

/** What a lease needs of an operation. */
export type LeaseMeans = Pick<Operation, 'vim' | 'logger' | 'leftovers' | 'signal'>;

/**
 * An `HttpNfcLease`: the ticket under which disk bytes move. From {@link NfcLease.open} on it is renewed on its own
 * timer, whatever the bytes do, until it is completed or aborted; disposing of it aborts it unless it was completed.
 */
export class NfcLease implements AsyncDisposable {
  readonly #means: LeaseMeans;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #percent = 0;
  #renewedAt = Date.now();
  /** Whether the lease is being ended: a renewal that comes after that would be refused. */
  #ending = false;
  #ended = false;

  /** The lease's managed object. */
  readonly ref: MoRef;
  /** What the server says of the lease: its entity, device URLs and timeout. */
  readonly info: VimObject<'HttpNfcLeaseInfo'>;

  private constructor(means: LeaseMeans, ref: MoRef, info: VimObject<'HttpNfcLeaseInfo'>) {
    this.#means = means;
    this.ref = ref;
    this.info = info;
    this.#scheduleRenewal();
  }

  /**
   * Opens a lease and waits until it is ready. A lease that does not get there is aborted.
   *
   * @param request the call that opens it. Where its reply is lost, there may be a lease that nobody knows
   * @throws LeaseError where it goes into its error state; the server's fault is the cause
   */
  static async open(means: LeaseMeans, request: () => Promise<MoRef>): Promise<NfcLease> {
    const { vim, leftovers, signal } = means;
    const ref = await request().catch((error: unknown) => {
      if (error instanceof VimConnectionError && error.outcome === 'unknown') leftovers.note(usualLeaseMs);
      throw error;
    });
    try {
      const ready = await waitForProperties(
        vim,
        ref,
        'HttpNfcLease',
        ['state', 'error', 'info'],
        ({ state, error, info }) => {
          if (state === 'initializing') return undefined;
          if (state === 'ready') return { info };
          throw leaseFailure(state, error);
        },
        { signal },
      );
      // A server tells it with the state; where it does not, it is asked.
      const { info } = ready.info ? ready : await readProperties(vim, ref, 'HttpNfcLease', ['info'], { signal });
      if (info === undefined) throw new LeaseError('the lease is ready but tells nothing of itself');
      return new NfcLease(means, ref, info);
    } catch (error) {
      await abortLease(means, ref);
      throw error;
    }
  }

  /** Aborted, with the reason, when the server gave the lease up or it could not be renewed in time. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Notes how far the transfer is; sent with the next renewal. Clamped to 0..99: 100 is what completion says. */
  progress(fraction: number): void {
    this.#percent = Math.min(99, Math.max(0, Math.floor(fraction * 100)));
  }

  /**
   * Ends the lease as done (`HttpNfcLeaseComplete`). To be called only after the transfer was checked.
   *
   * @throws LeaseError where the server does not take it as done
   */
  async complete({ signal }: AbortableOptions = {}): Promise<void> {
    this.#stopRenewal();
    try {
      await this.#means.vim.invoke('HttpNfcLeaseComplete', this.ref, {}, { signal });
    } catch (error) {
      if (!(await this.#isDoneAfter(error))) {
        if (!(error instanceof VimFault)) throw error;
        throw new LeaseError('the lease could not be completed', { cause: error, retryable: true });
      }
    }
    this.#ended = true;
  }

  /** Gives the lease up (`HttpNfcLeaseAbort`); an import's VM goes with it. One that is already gone is no error. */
  async abort(): Promise<void> {
    this.#stopRenewal();
    if (this.#ended) return;
    this.#ended = true;
    await abortLease(this.#means, this.ref);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  /** Whether the lease ended well although the completion's own reply says otherwise, or was lost. */
  async #isDoneAfter(error: unknown): Promise<boolean> {
    if (!(error instanceof VimConnectionError || isVimFault(error, 'ManagedObjectNotFound'))) return false;
    try {
      const { state } = await readProperties(this.#means.vim, this.ref, 'HttpNfcLease', ['state']);
      return state === 'done';
    } catch (stateError) {
      // A server forgets a lease soon after its end. An import's VM tells which end it was: an abort removes it.
      if (!saysGone(stateError, this.ref)) return false;
      return this.#hasEntity();
    }
  }

  /** Only the server's word that the VM is gone says so. */
  async #hasEntity(): Promise<boolean> {
    try {
      await readProperties(this.#means.vim, this.info.entity, 'VirtualMachine', ['name']);
      return true;
    } catch (error) {
      if (saysGone(error, this.info.entity)) return false;
      const reason = error instanceof Error ? error.message : String(error);
      throw new VimConnectionError(`it is not known how the lease ended: ${reason}`, 'unknown', { cause: error });
    }
  }

  #stopRenewal(): void {
    this.#ending = true;
    clearTimeout(this.#timer);
  }

  #scheduleRenewal(): void {
    const pause = Math.max(shortestRenewalMs, Math.min(longestRenewalMs, (this.info.leaseTimeout * 1000) / 4));
    this.#timer = setTimeout(() => void this.#renew(), pause);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    try {
      await this.#means.vim.invoke('HttpNfcLeaseProgress', this.ref, { percent: this.#percent });
      this.#renewedAt = Date.now();
    } catch (error) {
      if (this.#ending) return;
      // A timeout of nothing, as some servers tell it, says nothing.
      const timeoutMs = this.info.leaseTimeout > 0 ? this.info.leaseTimeout * 1000 : longestRenewalMs;
      const expired = Date.now() - this.#renewedAt > timeoutMs;
      if (saysEnded(error, this.ref) || expired) {
        this.#lost.abort(new LeaseError('the lease was lost while bytes moved', { cause: error, retryable: true }));
        return;
      }
      this.#means.logger.warn({ lease: this.ref.value, err: error }, 'an NFC lease could not be renewed; trying again');
    }
    if (!this.#ending) this.#scheduleRenewal();
  }
}

function leaseFailure(state: string, error: VimObject<'LocalizedMethodFault'> | undefined): LeaseError {
  const fault = error?.fault;
  const name = fault?._type ?? 'no fault named';
  const cause = fault && new VimFault(name, 'HttpNfcLease', error.localizedMessage ?? '', fault);
  // A lease that ended without a reason timed out.
  return new LeaseError(`the lease is in state ${state} (${name})`, { cause, retryable: cause?.retryable ?? true });
}

/** Whether a call was refused since the lease is over. Any other fault passes, or lasts until it is. */
function saysEnded(error: unknown, ref: MoRef): boolean {
  return isVimFault(error, 'InvalidState', 'Timedout') || saysGone(error, ref);
}

/** Aborts a lease; it may be gone, and the server may be too: it then ends by its own timeout. */
async function abortLease({ vim, logger, leftovers }: LeaseMeans, ref: MoRef): Promise<void> {
  const signal = AbortSignal.timeout(abortTimeoutMs);
  try {
    // One that a lost call ended says so the next time.
    await repeatLost(() => vim.invoke('HttpNfcLeaseAbort', ref, {}, { signal }));
  } catch (error) {
    if (saysEnded(error, ref)) return;
    leftovers.note(usualLeaseMs);
    logger.warn(
      { lease: ref.value, err: error },
      'an NFC lease could not be aborted; the server ends it by its timeout',
    );
  }
}
