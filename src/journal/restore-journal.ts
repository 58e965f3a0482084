import * as z from 'zod';
import type { VimObject } from '../vim/schema/index.js';
import { temporaryVmName } from './operation-names.js';

export { temporaryVmName, temporaryVmUuid } from './operation-names.js';

/**
 * What a temporary VM says of the restore it belongs to. It lies in the VM's own extraConfig, so that it lives and dies
 * with what it speaks of: the inventory itself is the journal. Anybody who may reconfigure a VM can write one: it is a
 * claim, and is checked (`src/restore/check-claim.ts`).
 */
export interface RestoreJournal {
  /** Tells this restore from every other: a UUID. */
  readonly operation: string;
  /** By what its owner owns it now: unique per run and attempt, never used again. */
  readonly token: string;
  /** The process of whoever owns it (`Owner.id`). */
  readonly owner: string;
  /** When the restore asked for its temporary VM, by the server's clock; ISO 8601. */
  readonly startedAt: string;
  /** The owner's last sign of life, by the server's clock; ISO 8601. */
  readonly stamp: string;
  readonly volumeId: string;
  /** The name the backing has, or gets. */
  readonly volumeName: string;
  /** The disk replacement, where the volume has a backing; a restore to a new volume has none. */
  readonly replacement?: DiskReplacement | undefined;
}

/** A journal before it is written: then it gets its times, and what the disk replaces. */
export type UnwrittenJournal = Omit<RestoreJournal, 'startedAt' | 'stamp' | 'replacement'>;

/** What a disk replacement is about: written before the first change that could strand a file. */
export interface DiskReplacement {
  /** Managed object id of the backing. */
  readonly backing: string;
  /** Managed object id of the datacenter the paths are in. */
  readonly datacenter: string;
  /** Datastore path of the disk the volume had when the restore began. */
  readonly oldDisk: string;
  /** Where the old disk was attached. */
  readonly controllerKey: number;
  readonly unitNumber: number;
  /** Its disk mode. */
  readonly diskMode?: string | undefined;
  /** Id of the storage policy the old disk had, if it had one. */
  readonly storageProfile?: string | undefined;
  /** Its UUID, which the new disk gets. Earlier builds wrote neither this nor a capacity. */
  readonly diskUuid?: string | undefined;
  /** Capacity of the new disk; known once it is imported. */
  readonly capacityBytes?: number | undefined;
  /** Where the imported disk goes; known once it is imported. */
  readonly move?: DiskMove | undefined;
}

/** Where the imported disk is, and where it is moved to. */
export interface DiskMove {
  /** Managed object id of the datastore of both: its name, which the paths begin with, may change. */
  readonly datastore: string;
  /** Datastore path at which the imported disk was created. */
  readonly importedDisk: string;
  /** Datastore path, in the backing's own folder, that the imported disk is moved to. */
  readonly newDisk: string;
}

const text = z.string().min(1);

const journalSchema = z.object({
  operation: z.uuid(),
  // Version 0.1 wrote neither.
  token: z.string().default(''),
  owner: z.string(),
  startedAt: z.iso.datetime(),
  stamp: z.iso.datetime(),
  volumeId: text,
  volumeName: text,
  replacement: z
    .object({
      backing: text,
      datacenter: text,
      oldDisk: text,
      controllerKey: z.coerce.number(),
      unitNumber: z.coerce.number(),
      diskMode: text.optional(),
      storageProfile: text.optional(),
      diskUuid: text.optional(),
      capacityBytes: z.coerce.number().optional(),
      move: z.object({ datastore: text, importedDisk: text, newDisk: text }).optional(),
    })
    .optional(),
});

/** What the names of all keys begin with. */
const prefix = 'vmdk-driver.';
/** The key of the owner's last sign of life. */
export const stampKey = `${prefix}stamp`;

const replacementFields = [
  'backing',
  'datacenter',
  'oldDisk',
  'controllerKey',
  'unitNumber',
  'diskMode',
  'storageProfile',
  'diskUuid',
  'capacityBytes',
] as const;
const moveFields = ['datastore', 'importedDisk', 'newDisk'] as const;
/** Every field a journal can have; the names as an administrator sees them in the VM's advanced settings. */
const fields = [
  ...(['operation', 'token', 'owner', 'startedAt', 'stamp', 'volumeId', 'volumeName'] as const),
  ...replacementFields,
  ...moveFields,
] as const;
type Field = (typeof fields)[number];

/** The journal, or a part of one, as extraConfig. */
export function writeJournal({ replacement, ...journal }: Partial<RestoreJournal>): Record<string, string> {
  const { move, ...rest } = replacement ?? {};
  const values: Readonly<Partial<Record<Field, string | number | undefined>>> = { ...journal, ...rest, ...move };
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = values[field];
      return value === undefined ? [] : [[`${prefix}${field}`, String(value)]];
    }),
  );
}

/** The extraConfig that removes a journal: an empty value removes its key. */
export function eraseJournal(): Record<string, string> {
  return Object.fromEntries(fields.map((field) => [`${prefix}${field}`, '']));
}

/** The operation a VM says it belongs to, or its disk was exchanged by. */
export function operationMark(extraConfig: readonly VimObject<'OptionValue'>[] | undefined): string | undefined {
  return extraConfigValue(extraConfig, `${prefix}operation`);
}

/** A text in a VM's extraConfig; `undefined` where there is none of that key. */
export function extraConfigValue(
  extraConfig: readonly VimObject<'OptionValue'>[] | undefined,
  key: string,
): string | undefined {
  const value = extraConfig?.find((entry) => entry.key === key)?.value;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The journal in a VM's extraConfig; `undefined` where there is none that this version understands. */
export function readJournal(extraConfig: readonly VimObject<'OptionValue'>[] | undefined): RestoreJournal | undefined {
  const values = new Map<string, unknown>((extraConfig ?? []).map(({ key, value }) => [key, value]));
  const pick = (names: readonly Field[]): Partial<Record<Field, unknown>> =>
    Object.fromEntries<unknown>(
      names.flatMap((name) => {
        const value = values.get(`${prefix}${name}`);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  const replacement = pick(replacementFields);
  const move = pick(moveFields);
  const isReplacement = Object.keys({ ...replacement, ...move }).length > 0;
  const { startedAt, stamp = startedAt, ...rest } = pick(fields);
  const result = journalSchema.safeParse({
    ...rest,
    startedAt,
    stamp,
    replacement: isReplacement ? { ...replacement, ...(Object.keys(move).length > 0 ? { move } : {}) } : undefined,
  });
  return result.success ? result.data : undefined;
}

/**
 * Whether a VM is a restore's temporary one. A restore to a new volume ends by publishing its temporary VM, which takes the
 * journal from it: from then on it is the volume's backing.
 */
export function isTemporaryVm(name: string, extraConfig: readonly VimObject<'OptionValue'>[] | undefined): boolean {
  const journal = readJournal(extraConfig);
  return journal !== undefined && name === temporaryVmName(journal.volumeId);
}
