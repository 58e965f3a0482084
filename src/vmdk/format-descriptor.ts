import { createHash } from 'node:crypto';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import type { EncodeOptions } from './codec-options.js';

/**
 * The embedded text descriptor, as ESXi and ovftool write it: extent `RDONLY`, and a file name that is made up.
 *
 * `toolsInstallType` 4 and `toolsVersion` 2147483647 mean open-vm-tools, unmanaged: without them vSphere refuses
 * guest customization (KB 83068).
 *
 * @param capacity - the disk's size in sectors
 * @throws InvalidInputError on values a descriptor cannot hold
 */
export function formatDescriptor(capacity: number, options: EncodeOptions): string {
  const cid = options.cid ?? 'fffffffe';
  if (!/^[0-9a-f]{8}$/i.test(cid)) throw new InvalidInputError('cid', 'must be eight hexadecimal digits');

  const entries: Record<string, string> = {
    adapterType: options.adapterType ?? 'lsilogic',
    ...geometry(capacity),
    longContentID: createHash('sha256').update(`${cid} ${capacity}`).digest('hex').slice(0, 32),
    toolsInstallType: '4',
    toolsVersion: '2147483647',
    ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
    virtualHWVersion: '10',
    ...options.ddb,
  };
  const lines = Object.entries(entries).map(([name, value]) => {
    // A quote or a line end would let a value write entries of its own, or another extent.
    if (!/^[\w.-]+$/.test(name)) throw new InvalidInputError('ddb', `has no such entry: ${JSON.stringify(name)}`);
    if (/["\p{Cc}]/u.test(value))
      throw new InvalidInputError(`ddb.${name}`, 'must not hold quotes or control characters');
    return `ddb.${name} = "${value}"\n`;
  });

  return `# Disk DescriptorFile
version=1
CID=${cid}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY ${capacity.toString()} SPARSE "generated-stream.vmdk"

# The Disk Data Base
#DDB

${lines.join('')}`;
}

/** The geometry VMware's tools give a SCSI disk: 64 heads up to 1 GiB, 128 up to 2 GiB, else 255. */
function geometry(capacity: number): Record<string, string> {
  const [heads, sectors] = capacity < 2 ** 21 ? [64, 32] : capacity < 2 ** 22 ? [128, 32] : [255, 63];
  const cylinders = Math.min(65_535, Math.floor(capacity / (heads * sectors)));
  return {
    'geometry.cylinders': cylinders.toString(),
    'geometry.heads': heads.toString(),
    'geometry.sectors': sectors.toString(),
  };
}
