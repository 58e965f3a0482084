/**
 * What goes wrong with a transfer:
 *
 * - `reset`: the connection is cut
 * - `stall`: no byte moves any more, and nothing is answered
 * - `truncate`: exports only; the body ends early, as if it were whole
 * - `status`: the request is answered with an HTTP status instead of a body or of `200`
 * - `corrupt`: one byte is changed
 */
export type TransferFaultKind = 'reset' | 'stall' | 'truncate' | 'status' | 'corrupt';

/** A transfer that is to go wrong. */
export interface TransferFault {
  readonly direction: 'export' | 'import';
  /** Which of the transfers from now on, from 1. @defaultValue 1 */
  readonly nth?: number | undefined;
  /** After how many bytes of the body; the byte at this offset for `corrupt`. @defaultValue 0 */
  readonly atByte?: number | undefined;
  readonly kind: TransferFaultKind;
  /** For `status`. @defaultValue 500 */
  readonly status?: number | undefined;
}

/** What is to go wrong with one transfer. */
export interface PlannedTransferFault {
  readonly atByte: number;
  readonly kind: TransferFaultKind;
  readonly status: number;
}

interface Waiting extends PlannedTransferFault {
  readonly direction: 'export' | 'import';
  left: number;
  fired: boolean;
}

/** The transfers that are to go wrong. */
export class TransferFaults {
  #waiting: readonly Waiting[] = [];

  inject({ direction, nth = 1, atByte = 0, kind, status = 500 }: TransferFault): {
    readonly fired: boolean;
    remove(): void;
  } {
    if (kind === 'truncate' && direction === 'import') throw new TypeError('an import is truncated by its sender');
    const entry: Waiting = { direction, left: nth, atByte, kind, status, fired: false };
    this.#waiting = [...this.#waiting, entry];
    return {
      get fired() {
        return entry.fired;
      },
      remove: () => {
        this.#drop(entry);
      },
    };
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Counts a transfer, and says what is to go wrong with it. */
  take(direction: 'export' | 'import'): PlannedTransferFault | undefined {
    let planned: Waiting | undefined;
    for (const entry of this.#waiting) {
      if (entry.direction !== direction) continue;
      entry.left--;
      if (entry.left <= 0) planned ??= entry;
    }
    if (planned === undefined) return undefined;
    planned.fired = true;
    this.#drop(planned);
    return planned;
  }

  #drop(entry: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== entry);
  }
}
