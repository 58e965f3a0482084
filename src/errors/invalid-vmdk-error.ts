import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** A stream is not a whole, well-formed stream-optimized VMDK. */
export class InvalidVmdkError extends VmdkDriverError {
  static override readonly brand: string = 'InvalidVmdkError';
  readonly code = 'INVALID_VMDK';
  /** What is wrong, as a short stable word such as `truncated` or `grain-out-of-range`. */
  readonly reason: InvalidVmdkReason;
  /** The byte of the stream at which it shows. */
  readonly offset: number;

  constructor(reason: InvalidVmdkReason, offset: number, message: string, details?: ErrorDetails) {
    super(`${message} (at byte ${offset.toString()})`, details);
    this.reason = reason;
    this.offset = offset;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), reason: this.reason, offset: this.offset };
  }
}

/**
 * What can be wrong with a stream.
 *
 * - `not-vmdk`: it does not begin with a sparse extent header (an error page, another file format)
 * - `not-stream-optimized`: a VMDK of another kind, or only the text descriptor of one
 * - `unfinished`: its writer marked it as not finished
 * - `unsupported`: a version, flag, compression or geometry this library does not know
 * - `bad-header`: header fields that contradict each other or the format
 * - `bad-capacity`: no capacity, or one no disk has
 * - `bad-descriptor`: the embedded descriptor is missing, malformed or describes something else
 * - `bad-marker`: what stands where a marker should be is none, or not one that may stand there
 * - `grain-misaligned`, `grain-out-of-range`, `grain-out-of-order`, `grain-duplicate`, `grain-too-big`: a grain's
 *   marker is wrong
 * - `grain-corrupt`: a grain's data does not inflate, fails its checksum, or is followed by other bytes
 * - `grain-size`: a grain inflates to something else than a grain
 * - `table-mismatch`: a grain table does not agree with the grains that are there
 * - `directory-mismatch`: a grain directory does not agree with the tables that are there
 * - `footer-mismatch`: the footer does not agree with the header or with the directory that is there
 * - `truncated`: it ends before its end
 * - `trailing-bytes`: something else than zeros follows its end
 * - `too-large`: it would outgrow the 2 TiB a stream can have
 */
export type InvalidVmdkReason =
  | 'not-vmdk'
  | 'not-stream-optimized'
  | 'unfinished'
  | 'unsupported'
  | 'bad-header'
  | 'bad-capacity'
  | 'bad-descriptor'
  | 'bad-marker'
  | 'grain-misaligned'
  | 'grain-out-of-range'
  | 'grain-out-of-order'
  | 'grain-duplicate'
  | 'grain-too-big'
  | 'grain-corrupt'
  | 'grain-size'
  | 'table-mismatch'
  | 'directory-mismatch'
  | 'footer-mismatch'
  | 'truncated'
  | 'trailing-bytes'
  | 'too-large';
