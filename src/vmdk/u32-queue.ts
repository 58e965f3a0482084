/** Records of some 32-bit numbers each, first in, first out, at four bytes a number. */
export class U32Queue {
  #numbers: Uint32Array;
  #head = 0;
  #tail = 0;

  /** @param width - how many numbers a record has */
  constructor(readonly width: number) {
    this.#numbers = new Uint32Array(width * 64);
  }

  /** How many records there are. */
  get length(): number {
    return (this.#tail - this.#head) / this.width;
  }

  push(...record: readonly number[]): void {
    if (this.#tail === this.#numbers.length) this.#makeRoom();
    this.#numbers.set(record, this.#tail);
    this.#tail += this.width;
  }

  /** A number of the record `place` places behind the oldest, or -1 if there is no such record. */
  at(column: number, place = 0): number {
    const start = this.#head + place * this.width;
    return start < this.#tail ? (this.#numbers[start + column] ?? -1) : -1;
  }

  /** Drops the oldest record. */
  shift(): void {
    if (this.#head < this.#tail) this.#head += this.width;
  }

  #makeRoom(): void {
    const live = this.#numbers.subarray(this.#head, this.#tail);
    // Moves down what is left where most is gone, so that a queue which stays short stays small.
    const grow = live.length * 2 > this.#numbers.length;
    const numbers = grow ? new Uint32Array(this.#numbers.length * 2) : this.#numbers;
    numbers.set(live);
    this.#numbers = numbers;
    this.#tail = live.length;
    this.#head = 0;
  }
}
