/** One stored copy of a volume's stream, as the application knows it. Further fields are passed on to the service as they are. */
export interface Backup {
  /** Unique among all backups. */
  readonly id: string;
  /** The id of the volume it is a copy of. */
  readonly volumeId: string;
  /** The volume's size when it was backed up, in GiB. */
  readonly size?: number | undefined;
  /**
   * Must be absent or null: this driver backs up the live disk, and refuses to pass that off as a snapshot's
   * (Cinder did so silently).
   */
  readonly snapshotId?: string | null | undefined;
  /** Must be absent or null: an increment of a compressed stream neither saves space nor restores safely. */
  readonly parentId?: string | null | undefined;
  readonly [field: string]: unknown;
}
