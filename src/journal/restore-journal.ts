import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { VimObject } from '../vim/schema/index.js';

/**
 * What a temporary VM says of the restore it belongs to. It lies in the VM's own extraConfig, so that it lives and dies
 * with what it speaks of: the inventory itself is the journal.
 */
export interface RestoreJournal {
  /** Tells this restore from every other. */
  readonly operation: string;
  /** Host name and process id of whoever runs it. */
  readonly owner: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly volumeId: string;
  /** The name the backing has, or gets. */
  readonly volumeName: string;
  /** The disk replacement, where the volume has a backing; a restore to a new volume has none. */
  readonly replacement?: DiskReplacement | undefined;
}

/** The paths of a disk replacement: written before the first change that could strand a file. */
export interface DiskReplacement {
  /** Managed object id of the backing. */
  readonly backing: string;
  /** Managed object id of the datacenter the paths are in. */
  readonly datacenter: string;
  /** Datastore path of the disk the volume had. */
  readonly oldDisk: string;
  /** Where the old disk was attached. */
  readonly controllerKey: number;
  readonly unitNumber: number;
  /** Id of the storage policy the old disk had, if it had one. */
  readonly storageProfile?: string | undefined;
  /** Datastore path at which the imported disk was created; known once it is. */
  readonly importedDisk?: string | undefined;
  /** Datastore path, in the backing's own folder, that the imported disk is moved to. */
  readonly newDisk?: string | undefined;
}

/**
 * The BIOS UUID (`VirtualMachineConfigSpec.uuid`) every temporary VM has, so that recovery finds them all with one
 * `FindAllByUuid` and needs no scan of the inventory.
 */
export const temporaryVmUuid = '766d646b-6472-4976-8572-2d746d702d31';

const prefix = 'vmdk-driver.';
/** vCenter allows 80 characters in a VM's name. */
const longestName = 80;
const namePrefix = 'vmdk-driver-restore-';

/**
 * The name of the temporary VM of a restore of this volume. It follows from the volume alone: since names are unique in
 * a folder, the server itself refuses a second restore of the same volume at the same time.
 */
export function temporaryVmName(volumeId: string): string {
  const name = `${namePrefix}${volumeId.replace(/[^\w.-]/g, '_')}`;
  if (name.length <= longestName && name.endsWith(volumeId)) return name;
  return `${namePrefix}${createHash('sha256').update(volumeId).digest('hex').slice(0, 32)}`;
}

const journalSchema = z.object({
  operation: z.string().min(1),
  owner: z.string(),
  startedAt: z.iso.datetime(),
  volumeId: z.string().min(1),
  volumeName: z.string().min(1),
  replacement: z
    .object({
      backing: z.string().min(1),
      datacenter: z.string().min(1),
      oldDisk: z.string().min(1),
      controllerKey: z.coerce.number(),
      unitNumber: z.coerce.number(),
      storageProfile: z.string().min(1).optional(),
      importedDisk: z.string().min(1).optional(),
      newDisk: z.string().min(1).optional(),
    })
    .optional(),
});

/** Every key a journal can have; the names as an administrator sees them in the VM's advanced settings. */
const keys = {
  operation: `${prefix}operation`,
  owner: `${prefix}owner`,
  startedAt: `${prefix}startedAt`,
  volumeId: `${prefix}volumeId`,
  volumeName: `${prefix}volumeName`,
  backing: `${prefix}backing`,
  datacenter: `${prefix}datacenter`,
  oldDisk: `${prefix}oldDisk`,
  controllerKey: `${prefix}controllerKey`,
  unitNumber: `${prefix}unitNumber`,
  storageProfile: `${prefix}storageProfile`,
  importedDisk: `${prefix}importedDisk`,
  newDisk: `${prefix}newDisk`,
} as const;

/** The journal as extraConfig. */
export function writeJournal({ replacement, ...journal }: RestoreJournal): Record<string, string> {
  const values: Readonly<Record<string, string | number | undefined>> = { ...journal, ...replacement };
  return Object.fromEntries(
    Object.entries(values).flatMap(([field, value]) =>
      value === undefined ? [] : [[keys[field as keyof typeof keys], String(value)]],
    ),
  );
}

/** The extraConfig that removes a journal: an empty value removes its key. */
export function eraseJournal(): Record<string, string> {
  return Object.fromEntries(Object.values(keys).map((key) => [key, '']));
}

/** The journal in a VM's extraConfig; `undefined` where there is none of ours. */
export function readJournal(extraConfig: readonly VimObject<'OptionValue'>[] | undefined): RestoreJournal | undefined {
  const values = new Map((extraConfig ?? []).map(({ key, value }) => [key, value]));
  const field = (name: keyof typeof keys): unknown => values.get(keys[name]);
  if (field('operation') === undefined) return undefined;
  const result = journalSchema.safeParse({
    operation: field('operation'),
    owner: field('owner'),
    startedAt: field('startedAt'),
    volumeId: field('volumeId'),
    volumeName: field('volumeName'),
    replacement:
      field('backing') === undefined
        ? undefined
        : {
            backing: field('backing'),
            datacenter: field('datacenter'),
            oldDisk: field('oldDisk'),
            controllerKey: field('controllerKey'),
            unitNumber: field('unitNumber'),
            storageProfile: field('storageProfile'),
            importedDisk: field('importedDisk'),
            newDisk: field('newDisk'),
          },
  });
  return result.success ? result.data : undefined;
}

/**
 * Whether a VM is a restore's temporary one. A restore to a new volume ends by renaming its temporary VM: from then on it
 * is the volume's backing, whether or not its journal was erased yet.
 */
export function isTemporaryVm(name: string, extraConfig: readonly VimObject<'OptionValue'>[] | undefined): boolean {
  const journal = readJournal(extraConfig);
  return journal !== undefined && name === temporaryVmName(journal.volumeId);
}
