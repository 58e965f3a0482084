import type { AdapterType, DiskProvisioning } from './disk-kinds.js';

/** What the user owns; a record of the application's. Fields not named here are passed over. */
export interface Volume {
  /** Unique; it becomes the backing's `instanceUuid` and its extraConfig `cinder.volume.id`. */
  readonly id: string;
  /** The backing VM's name. Default `volume-<id>`. */
  readonly name?: string | undefined;
  /** In GiB; a positive integer. */
  readonly size: number;
  /** The project the volume belongs to; its backing lies in that project's folder. */
  readonly projectId?: string | null | undefined;
  readonly volumeType?: VolumeType | null | undefined;
  readonly [field: string]: unknown;
}

/**
 * A volume's type: extra specs as Cinder's, of which `vmware:vmdk_type` says how the disk's space is reserved,
 * `vmware:adapter_type` by which controller it is attached, and `vmware:storage_profile` names the storage policy of VM and
 * disk.
 */
export interface VolumeType {
  readonly extraSpecs?: Readonly<Record<string, string>> | null | undefined;
  readonly [field: string]: unknown;
}

/** A volume as the driver works with it: parsed, its defaults filled in. */
export interface ParsedVolume {
  readonly id: string;
  readonly name: string;
  /** Capacity in bytes. */
  readonly sizeBytes: number;
  readonly projectId: string | undefined;
  /** The provisioning its type asks for, if it does. */
  readonly provisioning: DiskProvisioning | undefined;
  /** The controller its type asks for, if it does. */
  readonly adapterType: AdapterType | undefined;
  /** The name of the storage policy its type asks for, if it does. */
  readonly storageProfile: string | undefined;
}
