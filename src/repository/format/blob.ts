/** Bytes of a blob's key: enough that no two grains of a repository ever share one by chance. */
export const keyBytes = 16;

/** Where a blob lies. Ordinals stay when a pack is rewritten; offsets would not. */
export interface BlobAddress {
  /** The pack's id, 32 hexadecimal digits. */
  readonly pack: string;
  /** Its place among the pack's blobs, counted from 0. */
  readonly ordinal: number;
}

/** A blob and what its bytes must be. */
export interface KeyedBlob extends BlobAddress {
  /** {@link keyBytes} bytes. */
  readonly key: Uint8Array;
}
