import type { VmdkSink } from '../../vmdk/index.js';
import type { DiskFile } from '../storage/disk-file.js';

/** Writes to a disk what is decoded; the disk gets the stream's capacity. */
export function diskSink(file: DiskFile): VmdkSink {
  return {
    async write(buffer, position) {
      const end = position + buffer.length;
      // A disk that was declared smaller than it is grows while it is written.
      if (end > file.capacityBytes) await file.resize(end);
      await file.write(buffer, position);
    },
    truncate: (capacityBytes) => file.resize(capacityBytes),
  };
}
