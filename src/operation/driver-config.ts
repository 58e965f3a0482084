import { tmpdir } from 'node:os';
import * as z from 'zod';
import { withMethods } from '../live-input.js';
import { type CinderAdapterType, cinderAdapterTypes } from '../model/disk-kinds.js';
import { whyNotAName } from '../model/name-rules.js';
import { parseInput } from '../parse-input.js';
import { timeLimitSchema } from '../time-limit.js';
import type { TransferSlots } from './transfer-slots.js';

/** How the driver works; every field has a default. */
export interface VmdkDriverConfig {
  /** Directory for temporary files (Cinder's `vmware_tmp_dir`). Default: the operating system's. */
  readonly tmpDir?: string | undefined;
  /**
   * Whether a stream goes through a temporary file: `file` always, `stream` never, `auto` only where the backup service
   * does not take streams. Default `auto`.
   */
  readonly transfer?: 'auto' | 'file' | 'stream' | undefined;
  /**
   * How long no byte of a transfer may move before it is given up, in milliseconds, 24 days at the most. What a backup
   * service takes to accept bytes is not counted. Default 120,000.
   */
  readonly stallTimeoutMs?: number | undefined;
  /** NFC transfers at a time per ESXi host; further ones wait before they ask for a lease. Default 2. */
  readonly transfersPerHost?: number | undefined;
  /**
   * Says when a transfer with an ESXi host may begin, for an application that counts those of several processes together.
   * Default: each driver counts its own, to `transfersPerHost`.
   */
  readonly transferSlots?: TransferSlots | undefined;
  /** Last part of a backing's inventory folder (Cinder's `vmware_volume_folder`). Default `Volumes`. */
  readonly volumeFolder?: string | undefined;
  /** Names of the clusters whose hosts may be used (Cinder's `vmware_cluster_name`). Default: all. */
  readonly clusters?: readonly string[] | undefined;
  /** Regular expression a datastore's name must match to get new disks (Cinder's `vmware_datastore_regex`). */
  readonly datastoreRegex?: string | undefined;
  /** Disk controller of new backings (Cinder's `vmware_adapter_type`). Default `lsiLogic`. */
  readonly adapterType?: CinderAdapterType | undefined;
  /** Virtual hardware version of new backings. Default `vmx-08`, as Cinder's. */
  readonly hardwareVersion?: string | undefined;
}

/** The configuration with its defaults filled in. */
export type ResolvedConfig = { readonly [K in keyof VmdkDriverConfig]-?: NonNullable<VmdkDriverConfig[K]> | Absent<K> };
/** The options that have no default stay absent. */
type Absent<K> = K extends 'clusters' | 'datastoreRegex' | 'transferSlots' ? undefined : never;

const configSchema = z.strictObject({
  tmpDir: z.string().min(1).default(tmpdir),
  transfer: z.enum(['auto', 'file', 'stream']).default('auto'),
  stallTimeoutMs: timeLimitSchema.default(120_000),
  transfersPerHost: z.int().positive().default(2),
  transferSlots: withMethods<TransferSlots>(['take']).optional(),
  volumeFolder: z
    .string()
    .min(1)
    .superRefine((name, context) => {
      const reason = whyNotAName(name);
      if (reason !== undefined) context.addIssue(reason);
    })
    .default('Volumes'),
  clusters: z.array(z.string().min(1)).min(1).optional(),
  datastoreRegex: z.string().refine(isRegularExpression, 'not a regular expression').optional(),
  adapterType: z.enum(cinderAdapterTypes).default('lsiLogic'),
  hardwareVersion: z
    .string()
    .regex(/^vmx-\d+$/)
    .default('vmx-08'),
});

/** @throws InvalidInputError */
export function parseConfig(config: unknown): ResolvedConfig {
  const { clusters, datastoreRegex, transferSlots, ...rest } = parseInput('config', configSchema, config ?? {});
  return { ...rest, clusters, datastoreRegex, transferSlots };
}

function isRegularExpression(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
