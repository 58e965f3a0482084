/** Bytes moved at once. Smaller reads and writes cost up to twice the CPU; larger ones gain nothing. */
export const chunkBytes = 1024 * 1024;
