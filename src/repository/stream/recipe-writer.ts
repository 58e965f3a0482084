import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { putVarint } from '../format/varint.js';
import { operation } from './recipe.js';

/** How many bytes of operations make a piece. */
const pieceBytes = 1024 * 1024;

/** Writes a recipe, in pieces. Operations are never split between two. */
export class RecipeWriter {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Grains that came together, and those that came before them. */
  #grains = 0;
  #grainsBefore = 0;
  #full: Buffer[] = [];

  /** How many grains it has, but for those that were taken back. */
  get grains(): number {
    return this.#grainsBefore + this.#grains;
  }

  /** Another grain follows. */
  grain(): void {
    this.#grains += 1;
  }

  /** Takes the last grain back. */
  undoGrain(): void {
    this.#grains -= 1;
  }

  /** An operation without arguments, or with numbers. */
  put(code: number, ...numbers: number[]): void {
    this.#flushGrains();
    this.#putHead(code, numbers);
  }

  /** Bytes as they are, which are copied. */
  putVerbatim(bytes: Buffer): void {
    this.#flushGrains();
    for (let from = 0; from < bytes.length; from += pieceBytes) {
      const part = Buffer.from(bytes.subarray(from, from + pieceBytes));
      this.#putHead(operation.verbatim, [part.length]);
      this.#add(part);
    }
  }

  /** The last grain's padding, less than a sector of it. */
  putPadding(bytes: Buffer): void {
    this.#flushGrains();
    this.#putHead(operation.padding, [bytes.length]);
    this.#add(Buffer.from(bytes));
  }

  /** The pieces that are full, deflated; with `last` also what is left. */
  async take(last = false): Promise<Buffer[]> {
    if (last) {
      this.#flushGrains();
      if (this.#bytes > 0) this.#endPiece();
    }
    const full = this.#full;
    this.#full = [];
    return Promise.all(full.map((piece) => promisify(deflate)(piece)));
  }

  #flushGrains(): void {
    if (this.#grains === 0) return;
    const grains = this.#grains;
    this.#grains = 0;
    this.#grainsBefore += grains;
    this.#putHead(operation.grains, [grains]);
  }

  #putHead(code: number, numbers: readonly number[]): void {
    if (this.#bytes >= pieceBytes) this.#endPiece();
    const bytes = [code];
    for (const number of numbers) putVarint(bytes, number);
    this.#add(Buffer.from(bytes));
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  #endPiece(): void {
    this.#full.push(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
  }
}
