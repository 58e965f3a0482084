import type { Logger } from '../logger.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import type { AttachedDisk } from './backing.js';

/**
 * Says where a disk came out otherwise than it was asked for. Some datastores decide that themselves (vSAN by its policy, NFS
 * without hardware acceleration, some arrays), and some only report it otherwise; the disk is as good.
 */
export function reportProvisioning(
  { logger }: { readonly logger: Logger },
  { path, provisioning }: Pick<AttachedDisk, 'path' | 'provisioning'>,
  wanted: DiskProvisioning,
): void {
  if (provisioning === wanted) return;
  logger.warn({ disk: path, wanted, provisioning }, 'the datastore decided by itself how the disk is provisioned');
}
