import { SECTOR } from './format.js';
import { writeU64 } from './u64.js';

/**
 * A marker that is not a grain's, in its own sector.
 *
 * @param sectors - how many sectors of payload follow it
 * @param type - one of `Marker`
 */
export function formatMarker(sectors: number, type: number): Buffer {
  const sector = Buffer.alloc(SECTOR);
  writeU64(sector, 0, sectors);
  sector.writeUInt32LE(type, 12);
  return sector;
}
