/** A piece of memory that the main thread and the worker threads see. */
export interface SharedArea {
  readonly index: number;
  readonly bytes: Buffer;
}

/** Pieces of shared memory of one size. What was not written to yet takes no memory. */
export class SharedAreas {
  readonly memory: readonly SharedArrayBuffer[];
  readonly #free: SharedArea[];

  constructor(count: number, bytes: number) {
    this.memory = Array.from({ length: count }, () => new SharedArrayBuffer(bytes));
    this.#free = this.memory.map((memory, index) => ({ index, bytes: Buffer.from(memory) }));
  }

  /** An area nobody uses, or undefined if there is none. */
  take(): SharedArea | undefined {
    return this.#free.pop();
  }

  /** Gives an area back that no task reads or writes any more, and nobody looks at. */
  give(area: SharedArea): void {
    this.#free.push(area);
  }
}
