import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from '../../../scripts/pack.mjs';

/** Packs the package for all test files. They inherit where it is. */
export default function packOnce() {
  const directory = mkdtempSync(join(tmpdir(), 'vmdk-driver-pack-'));
  process.env['VMDK_DRIVER_PACK'] = directory;
  process.env['VMDK_DRIVER_TARBALL'] = pack(directory);
}
