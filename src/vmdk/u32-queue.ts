/** Pairs of 32-bit numbers, first in, first out, at eight bytes each. */
export class U32Queue {
  #pairs = new Uint32Array(2 * 64);
  #head = 0;
  #tail = 0;

  /** How many pairs there are. */
  get length(): number {
    return (this.#tail - this.#head) / 2;
  }

  push(first: number, second: number): void {
    if (this.#tail === this.#pairs.length) this.#makeRoom();
    this.#pairs[this.#tail] = first;
    this.#pairs[this.#tail + 1] = second;
    this.#tail += 2;
  }

  /** First number of the pair `at` places behind the oldest, or -1 if there is none. */
  first(at = 0): number {
    const place = this.#head + 2 * at;
    return place < this.#tail ? (this.#pairs[place] ?? -1) : -1;
  }

  /** Second number of the pair `at` places behind the oldest, or -1 if there is none. */
  second(at = 0): number {
    const place = this.#head + 2 * at;
    return place < this.#tail ? (this.#pairs[place + 1] ?? -1) : -1;
  }

  /** Drops the oldest pair. */
  shift(): void {
    if (this.#head < this.#tail) this.#head += 2;
  }

  #makeRoom(): void {
    const live = this.#pairs.subarray(this.#head, this.#tail);
    // Moves down what is left where most is gone, so that a queue which stays short stays small.
    const pairs = live.length * 2 > this.#pairs.length ? new Uint32Array(this.#pairs.length * 2) : this.#pairs;
    pairs.set(live);
    this.#pairs = pairs;
    this.#tail = live.length;
    this.#head = 0;
  }
}
