import type { Backing } from '../backing/backing.js';
import { readDatastores } from '../backing/inventory.js';
import { canRelocate, relocateBacking } from '../backing/relocate-backing.js';
import { NoValidDatastoreError } from '../errors/index.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import type { RestoreSource } from '../stream/restore-source.js';

/**
 * Sees to it that the old and the new disk can lie side by side until the exchange is proved: where the backing's datastore has no
 * room for both, the backing is relocated to one that has, which may take hours.
 *
 * @returns the backing as it is then
 * @throws NoValidDatastoreError where no datastore has the room
 */
export async function makeRoom(
  { vim, config, signal, progress }: Operation,
  backing: Backing,
  volume: ParsedVolume,
  profiles: StorageProfiles,
  source: RestoreSource,
): Promise<Backing> {
  const { disk } = backing;
  const neededBytes = disk.provisioning === 'thin' ? source.allocatedBytes : volume.sizeBytes;
  const [datastore] = await readDatastores(vim, [disk.datastore], { signal });
  const summary = datastore?.properties.summary;
  if (summary === undefined || summary.freeSpace >= neededBytes) return backing;
  if (canRelocate(vim)) {
    // Nothing changes for a bad backup, this neither: a stream that was not looked at yet is read twice then.
    progress.enter('validate');
    await source.validate((bytesDone) => {
      progress.advance({ bytesDone, streamBytes: bytesDone });
    }, signal);
    const both = neededBytes + (backing.committedBytes ?? disk.capacityBytes);
    return relocateBacking(vim, config, backing, { neededBytes: both, profiles }, { signal });
  }
  throw new NoValidDatastoreError(`the backing's datastore has no room for a second disk`, [
    { name: summary.name, reason: `${summary.freeSpace} bytes free, ${neededBytes} needed` },
  ]);
}
