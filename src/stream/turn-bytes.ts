import { setImmediate } from 'node:timers';
import { chunkBytes } from './chunk-bytes.js';

/**
 * How many bytes all streams together take in one turn of the event loop, some milliseconds' worth, and a piece more of each that does
 * not wait. A socket alone may have more ready, and dozens have.
 */
const bytesPerTurn = chunkBytes;
/** How many streams go on in one turn that waited for it: a socket of each has some 64 KiB ready by then. */
const streamsPerTurn = 16;

/** What the streams of this thread may take of a turn. */
class TurnBytes {
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #isTurnWatched = false;

  /** Counts bytes that were taken; false where the turn has had its share. */
  take(bytes: number): boolean {
    this.#taken += bytes;
    this.#watchTurn();
    return this.#taken < bytesPerTurn;
  }

  /** Calls back in a later turn, in the order in which it was asked to. */
  later(goOn: () => void): void {
    this.#waiting.push(goOn);
    this.#watchTurn();
  }

  #watchTurn(): void {
    if (this.#isTurnWatched) return;
    this.#isTurnWatched = true;
    setImmediate(() => {
      this.#isTurnWatched = false;
      this.#taken = 0;
      this.#goOn(streamsPerTurn);
    });
  }

  /** One after the other: what a stream has in memory comes in the next tick. */
  #goOn(streams: number): void {
    const next = streams > 0 && this.#taken < bytesPerTurn ? this.#waiting.shift() : undefined;
    if (next !== undefined) {
      next();
      process.nextTick(() => {
        this.#goOn(streams - 1);
      });
    } else if (this.#waiting.length > 0) {
      this.#watchTurn();
    }
  }
}

export const turnBytes = new TurnBytes();
