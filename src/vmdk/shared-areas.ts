/** A piece of memory that the main thread and the worker threads see. */
export interface SharedArea {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Buffer;
}

/**
 * Areas that operations are through with, by size. They are used again if the garbage collector has not taken them: it
 * does not know how much memory they are and would let them pile up.
 */
const idle = new Map<number, WeakRef<SharedArrayBuffer>[]>();

/** Pieces of shared memory of one size, made when they are needed. */
export class SharedAreas {
  readonly #bytes: number;
  /** How many may still be made. */
  #left: number;
  readonly #free: SharedArea[] = [];

  constructor(count: number, bytes: number) {
    this.#left = count;
    this.#bytes = bytes;
  }

  /** An area nobody uses, or undefined if there is none. What is in it is not defined. */
  take(): SharedArea | undefined {
    const free = this.#free.pop();
    if (free !== undefined || this.#left === 0) return free;
    this.#left -= 1;
    const memory = takeIdle(this.#bytes) ?? new SharedArrayBuffer(this.#bytes);
    return { memory, bytes: Buffer.from(memory) };
  }

  /** Gives an area back that no task reads or writes any more, and nobody looks at. */
  give(area: SharedArea): void {
    this.#free.push(area);
  }

  /** Leaves the areas that were given back to other operations. */
  release(): void {
    const others = idle.get(this.#bytes) ?? [];
    idle.set(this.#bytes, others);
    others.push(...this.#free.map(({ memory }) => new WeakRef(memory)));
    this.#free.length = 0;
    this.#left = 0;
  }
}

function takeIdle(bytes: number): SharedArrayBuffer | undefined {
  const areas = idle.get(bytes) ?? [];
  while (areas.length > 0) {
    const memory = areas.pop()?.deref();
    if (memory !== undefined) return memory;
  }
  return undefined;
}
