import { AbortError, BackupServiceError, throwIfAborted, type VmdkDriverError } from '../errors/index.js';
import type { BackupManifest, BackupMetadata } from '../model/backup-manifest.js';
import { quietly } from '../quietly.js';
import { type BackupWriter, type ServiceOptions, takesByValue } from './backup-service.js';
import { asServiceError } from './service-error.js';

/** One attempt at storing a backup. Its calls do not overlap. */
export interface Attempt {
  /** Takes the next bytes. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes what was written the backup. Where it rejects, `discard` is still to be called. */
  commit(manifest: BackupManifest, signal: AbortSignal | undefined): Promise<void | BackupMetadata>;
  /** Removes every trace of the attempt, unless it was committed. Never rejects. */
  discard(): Promise<void>;
  /** Ends what is under way, which then rejects; nothing but `discard` follows. For attempts that wait for what may never answer. */
  interrupt?(): void;
}

/** What has to be undone when a host drops a writer without ending it. */
interface Dropped {
  readonly attempt: Attempt;
  readonly stopListening: () => void;
}

const droppedWriters = new FinalizationRegistry<Dropped>(({ attempt, stopListening }) => {
  stopListening();
  void discard(attempt);
});

/** Discards an attempt, and does not rely on its word that it never rejects: what it leaves is swept. */
export async function discard(attempt: Pick<Attempt, 'discard'>): Promise<void> {
  try {
    await attempt.discard();
  } catch {
    // Whoever gave the backup up knows why.
  }
}

/**
 * Takes one backup as a stream. Calls may overlap; they are carried out in the order in which they were made.
 *
 * Whatever fails, and the signal's abort, ends the writer and leaves nothing behind; every later `write` and `commit`
 * rejects, `abort` resolves.
 */
export class AttemptWriter implements BackupWriter {
  readonly #attempt: Attempt;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ServiceOptions['onProgress'];
  readonly #stopListening: () => void;
  #turn: Promise<unknown> = Promise.resolve();
  #bytesDone = 0;
  /** Why the writer takes nothing more. */
  #ended: VmdkDriverError | undefined;

  constructor(attempt: Attempt, { signal, onProgress }: ServiceOptions) {
    this.#attempt = attempt;
    this.#signal = signal;
    this.#onProgress = quietly(onProgress);
    // The signal may live long: it must not keep a writer that its owner has dropped.
    const self = new WeakRef(this);
    const onAbort = () => {
      const writer = self.deref();
      if (writer !== undefined && signal !== undefined) void writer.#stop(new AbortError(signal));
    };
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort);
    droppedWriters.register(this, { attempt, stopListening: this.#stopListening }, this);
    // It may have been aborted while the attempt began.
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  }

  // Not a field: whoever copies the writer's own properties into another does not get it.
  [takesByValue](): boolean {
    return true;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      await this.#attempt.write(chunk);
      this.#bytesDone += chunk.length;
      this.#onProgress?.({ bytesDone: this.#bytesDone });
    });
  }

  commit(manifest: BackupManifest): Promise<void | BackupMetadata> {
    return this.#inTurn(async () => {
      const metadata = await this.#attempt.commit(manifest, this.#signal);
      this.#end(new BackupServiceError('the backup is committed: its writer takes nothing more'));
      return metadata;
    });
  }

  async abort(): Promise<void> {
    // Else it would wait for a write that may never end.
    if (this.#ended === undefined) this.#attempt.interrupt?.();
    await this.#stop(new BackupServiceError('the backup was given up: its writer takes nothing more'));
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      if (this.#ended !== undefined) throw this.#ended;
      try {
        throwIfAborted(this.#signal);
        return await action();
      } catch (error) {
        const reason = asServiceError(error, 'the backup cannot be stored');
        this.#end(reason);
        await discard(this.#attempt);
        throw reason;
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #stop(reason: VmdkDriverError): Promise<void> {
    const stopped = this.#turn.then(async () => {
      if (this.#ended !== undefined) return;
      this.#end(reason);
      await discard(this.#attempt);
    });
    this.#turn = stopped;
    await stopped;
  }

  #end(reason: VmdkDriverError): void {
    this.#ended = reason;
    this.#stopListening();
    droppedWriters.unregister(this);
  }
}
