/** Where a decoded disk goes. It must read as zeros where nothing was written. */
export interface VmdkSink {
  /**
   * Puts `buffer` at the disk's byte `position`. Calls come one at a time and with ascending positions; the buffer is
   * reused as soon as the promise is fulfilled. Zeros are left out.
   */
  write(buffer: Buffer, position: number): Promise<void>;

  /** Gives the disk its exact size in bytes. Called once, last, when the stream has proved good. */
  truncate?(capacityBytes: number): Promise<void>;
}
