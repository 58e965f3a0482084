import { rmSync } from 'node:fs';

/** Undoes what pack-once.js did. */
export default function removePack() {
  const directory = process.env['VMDK_DRIVER_PACK'];
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
}
