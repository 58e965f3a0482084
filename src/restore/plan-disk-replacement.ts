import { randomUUID } from 'node:crypto';
import type { Backing } from '../backing/backing.js';
import { vmPathName } from '../backing/vm-config.js';
import { RestoreError } from '../errors/index.js';
import { importStem } from '../journal/operation-names.js';
import type { DiskReplacement, UnwrittenJournal } from '../journal/restore-journal.js';
import { parseDatastorePath } from '../model/datastore-path.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { wrongProfiles } from '../pbm/wrong-profiles.js';
import type { RestoreSource } from '../stream/restore-source.js';
import type { MoRef } from '../vim/schema/index.js';
import { fenceBacking, readBackingState } from './backing-state.js';
import { DiskReplacer, type ReplacementPlan } from './disk-replacer.js';
import { endReplacement } from './end-replacement.js';
import { type Ending, undone } from './ending.js';
import { stateAfterLoss } from './fencing.js';
import { ImportAttempt } from './import-temporary-vm.js';
import { prepareNewDisk } from './prepare-new-disk.js';
import { doubtAbout } from './prove-exchange.js';
import type { Restoration } from './restoration.js';

/** What a replacement is planned by. */
export interface ReplacementRequest {
  readonly journal: UnwrittenJournal;
  readonly volume: ParsedVolume;
  /** The backing as it is, on a datastore that has room for a second disk. */
  readonly backing: Backing;
  readonly datacenter: MoRef;
  readonly profiles: StorageProfiles;
  readonly source: RestoreSource;
}

/**
 * The blueprint's restore over an existing backing: import the stream as a temporary VM and reconfigure the backing to
 * replace its disk with the temporary VM's.
 *
 * Every step before the exchange leaves the volume as it was; the exchange itself is one call. The old disk's file and
 * the temporary VM are still there when it took effect: {@link endReplacement} ends both, after this as after any failure.
 */
export function planDiskReplacement(operation: Operation, request: ReplacementRequest): Restoration {
  const { vim, signal, logger } = operation;
  const { journal, volume, backing, datacenter, profiles, source } = request;
  const { disk } = backing;
  const replacement: DiskReplacement = {
    backing: backing.ref.value,
    datacenter: datacenter.value,
    oldDisk: disk.path,
    controllerKey: disk.device.controllerKey ?? 0,
    unitNumber: disk.device.unitNumber ?? 0,
    diskMode: disk.diskMode,
    storageProfile: profiles.disk,
    diskUuid: disk.uuid,
  };
  const target = {
    folder: backing.folder,
    resourcePool: backing.resourcePool,
    host: backing.host,
    adapterType: disk.adapterType,
    provisioning: disk.provisioning,
    hardwareVersion: backing.hardwareVersion ?? operation.config.hardwareVersion,
    vmPathName: vmPathName(parseDatastorePath(disk.path).datastore, importStem(journal.operation)),
    storageProfiles: profiles,
    replacement,
  };
  const plan: ReplacementPlan = { operationId: journal.operation, backing, datacenter, profiles };
  const attempt = new ImportAttempt(operation, journal, source);
  const replacer = new DiskReplacer(operation, plan);

  return {
    importDisk: () => attempt.run(target),

    async apply(imported, ownership) {
      const wrong = await wrongProfiles(vim, imported, profiles, { signal });
      if (wrong !== undefined) throw new RestoreError(`${wrong}; the volume has its old disk`);
      const newDisk = await prepareNewDisk(operation, ownership, { journal, replacement, backing, volume, datacenter });
      await replacer.exchange(newDisk, ownership);
    },

    async end(ownership) {
      const ref = ownership?.ref ?? (await attempt.find());
      if (ref === undefined) return undone;
      const { state } = replacer;
      const ending = await endReplacement(vim, ref, {
        backing: backing.ref,
        // A good end goes on under the token it has: nothing of its own is on its way.
        token: state === 'proved' ? journal.token : randomUUID(),
        takesFrom: journal.token,
        known: state === 'not sent' ? 'undone' : state === 'proved' ? 'completed' : undefined,
        mustFence: state === 'unknown',
        prove: () => replacer.prove(),
        logger,
      });
      if (ending.resolution !== undefined) return ending;
      // An import whose lease was given up took its VM with it: nobody else did.
      return { ...(await afterLoss(ending)), lost: ending.lost && ownership !== undefined };
    },
  };

  /** Who lost the temporary VM deletes nothing, and reports what the backing says; nothing of his may still come then. */
  async function afterLoss(ending: Ending): Promise<Ending> {
    const { state, markBefore } = replacer;
    if (state === 'not sent') return { ...ending, resolution: 'undone' };
    if (state === 'proved') return { ...ending, resolution: 'completed' };
    if (state === 'unknown') await fenceBacking(vim, backing.ref);
    const { marks } = await readBackingState(vim, backing.ref);
    const found = stateAfterLoss(marks.operation, markBefore, journal.operation);
    if (found !== 'completed') return { ...ending, resolution: found === 'unknown' ? undefined : found };
    const whereOldIs = `its old disk was ${marks.removedDisk ?? 'there'}, which who ended this restore may have kept`;
    const doubt = await doubtAbout(() => replacer.prove(), whereOldIs);
    return { ...ending, resolution: found, unproved: doubt?.error };
  }
}
