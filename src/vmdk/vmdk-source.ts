/** A part of a disk, in bytes: `end` is the first byte after it. */
export interface DataExtent {
  readonly start: number;
  readonly end: number;
}

/** A raw disk to encode. */
export interface VmdkSource {
  /** The disk's size in bytes. A last, incomplete sector is filled up with zeros. */
  readonly capacityBytes: number;

  /**
   * Fills `buffer` from the disk's byte `position` on.
   *
   * @returns how many bytes it put there; fewer than asked for are asked for again, 0 means the rest is zeros
   */
  read(buffer: Buffer, position: number): Promise<number>;

  /**
   * The parts of the disk that may hold anything but zeros, ascending, not overlapping. Everything else is not read.
   * Without it, the whole disk is read and zeros are found by looking at them.
   */
  dataExtents?(): AsyncIterable<DataExtent>;
}
