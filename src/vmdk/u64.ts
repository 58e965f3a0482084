/**
 * Reads a little-endian 64-bit number. Beyond 2^53 the result is inexact, though never smaller than 2^53: enough to
 * refuse it by a range check, which every caller makes.
 */
export function readU64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 0x1_0000_0000;
}

/** Writes a whole number below 2^53 as a little-endian 64-bit number. */
export function writeU64(bytes: Buffer, offset: number, value: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, offset);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}
