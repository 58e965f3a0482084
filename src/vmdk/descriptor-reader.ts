import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { SECTOR } from './format.js';
import { type ParsedDescriptor, parseDescriptor } from './parse-descriptor.js';

/** What qemu-img reads of a descriptor, too. */
const MAX_TEXT = 2 ** 20;

/** Collects the descriptor's text, sector by sector, up to its first zero byte. */
export class DescriptorReader {
  readonly #parts: string[] = [];
  #length = 0;
  #ended = false;

  /** @param at - the descriptor's place in the stream, in bytes */
  constructor(readonly at: number) {}

  /**
   * Takes the next sector.
   *
   * @throws InvalidVmdkError `bad-descriptor` when it is longer than any descriptor
   */
  sector(bytes: Buffer, from: number): void {
    if (this.#ended) return;
    const zero = bytes.subarray(from, from + SECTOR).indexOf(0);
    this.#ended = zero >= 0;
    const part = bytes.toString('latin1', from, this.#ended ? from + zero : from + SECTOR);
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length > MAX_TEXT) {
      throw new InvalidVmdkError('bad-descriptor', this.at, `the descriptor has more than ${MAX_TEXT} characters`);
    }
  }

  /** @throws InvalidVmdkError `bad-descriptor`, `not-stream-optimized` */
  end(): ParsedDescriptor {
    return parseDescriptor(this.#parts.join(''), this.at);
  }
}
