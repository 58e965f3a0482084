/** The controls of the threads that may be at work. */
const atWork = new Set<ThreadControl>();

/** How long the end of the process waits for a thread to be through with its grain, in milliseconds. */
const graceMs = 1000;

/** `process.exit()` terminates all threads, and one that is inside zlib then makes the process abort instead. */
function holdStill(): void {
  for (const control of atWork) control.stop();
  for (const control of atWork) control.awaitQuiet();
}

/**
 * Tells threads to end, and knows whether they are where they must not be ended from outside: in native code.
 *
 * Until {@link ThreadControl.release}, an end of the process waits for that.
 */
export class ThreadControl {
  /** A number that says whether the threads are to end, then one for each thread that says whether it is busy. */
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(threads: number) {
    this.memory = new SharedArrayBuffer((1 + threads) * Int32Array.BYTES_PER_ELEMENT);
    this.#numbers = new Int32Array(this.memory);
    if (atWork.size === 0) process.on('exit', holdStill);
    atWork.add(this);
  }

  /** The place in the memory at which a thread says whether it is busy. */
  placeOf(thread: number): number {
    return 1 + thread;
  }

  /** Has the threads end as soon as they look. */
  stop(): void {
    Atomics.store(this.#numbers, 0, 1);
  }

  /** Holds the calling thread up until no thread is in native code. Call {@link ThreadControl.stop} before. */
  awaitQuiet(): void {
    for (let place = 1; place < this.#numbers.length; place++) Atomics.wait(this.#numbers, place, 1, graceMs);
  }

  /** Call when all threads have ended. */
  release(): void {
    atWork.delete(this);
    if (atWork.size === 0) process.off('exit', holdStill);
  }
}
