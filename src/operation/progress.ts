import type { Phase } from '../errors/index.js';
import type { Logger } from '../logger.js';

/** How far an operation is. */
export interface Progress {
  readonly operation: OperationName;
  readonly phase: Phase;
  /** Bytes of the phase's work that are done. Of an export: the part of the disk's capacity that is covered. */
  readonly bytesDone: number;
  /** Bytes of the phase's work altogether, where they are known. Of an export: the disk's capacity. */
  readonly bytesTotal?: number | undefined;
  /** Bytes of the stream that moved in this phase; what throughput is measured by. */
  readonly streamBytes: number;
}

/** The driver's operations, as progress events and log lines name them. */
export type OperationName = 'backup' | 'restore' | 'verify' | 'create' | 'extend' | 'delete' | 'recover';

/** The longest silence, so that an application can tell a slow operation from a dead one. */
const heartbeatMs = 5_000;
/** The shortest pause between two reports of one phase: a report per chunk would cost more than the chunk. */
const throttleMs = 100;

/** Tells the application how far an operation is: at each phase, as bytes move, and at least every 5 s. */
export class ProgressReporter implements Disposable {
  readonly #operation: OperationName;
  readonly #listener: ((progress: Progress) => unknown) | undefined;
  readonly #logger: Logger;
  readonly #heartbeat: NodeJS.Timeout | undefined;
  #current: Omit<Progress, 'operation'> = { phase: 'prepare', bytesDone: 0, streamBytes: 0 };
  #reportedAt = 0;
  #listenerFailed = false;

  constructor(operation: OperationName, listener: ((progress: Progress) => unknown) | undefined, logger: Logger) {
    this.#operation = operation;
    this.#listener = listener;
    this.#logger = logger;
    if (listener !== undefined) {
      this.#heartbeat = setInterval(() => {
        this.#report();
      }, heartbeatMs);
    }
  }

  /** The phase the operation is in. */
  get phase(): Phase {
    return this.#current.phase;
  }

  /** Begins a phase. */
  enter(phase: Phase, bytesTotal?: number): void {
    if (this.#current.phase !== phase) this.#logger.debug({ phase }, 'phase begins');
    this.#current = { phase, bytesDone: 0, bytesTotal, streamBytes: 0 };
    this.#report();
  }

  /** Says that bytes moved. */
  advance(bytes: { bytesDone: number; bytesTotal?: number | undefined; streamBytes: number }): void {
    this.#current = { phase: this.#current.phase, bytesTotal: this.#current.bytesTotal, ...bytes };
    const complete = bytes.bytesDone === this.#current.bytesTotal;
    if (complete || Date.now() - this.#reportedAt >= throttleMs) this.#report();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
  }

  #report(): void {
    if (this.#listener === undefined) return;
    this.#reportedAt = Date.now();
    try {
      // An asynchronous one may reject, which nobody else would handle.
      Promise.resolve(this.#listener({ operation: this.#operation, ...this.#current })).catch((error: unknown) => {
        this.#listenerBroke(error);
      });
    } catch (error) {
      this.#listenerBroke(error);
    }
  }

  /** A progress bar that fails must not cost a backup. It is said once, not at each step. */
  #listenerBroke(error: unknown): void {
    if (!this.#listenerFailed) this.#logger.warn({ err: error }, 'onProgress failed');
    this.#listenerFailed = true;
  }
}
