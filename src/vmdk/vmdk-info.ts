import type { VmdkDescriptor } from './descriptor.js';

/**
 * Who orders a stream like this. The format leaves open where tables stand and how a stream ends.
 *
 * - `esxi`: tables behind their grains, directory and footer at the end. ESXi, vCenter, ovftool, VirtualBox.
 * - `front`: tables before the grains, no footer. vmware-vdiskmanager, open-vmdk.
 * - `patched`: as `esxi`, and the directory's place was written into the header afterwards. vmdktool.
 * - `qemu`: tables before the grains, twice; no footer, and usually no end-of-stream marker. qemu-img.
 */
export type VmdkLayout = 'esxi' | 'front' | 'patched' | 'qemu';

/**
 * Why vSphere would not import a stream as it is.
 *
 * - `no-end-of-stream`: it lacks the end-of-stream marker; one zero sector appended makes it good
 * - `version-too-old`: "sparse VMDK version too old", it wants 3
 */
export type ImportProblem = 'no-end-of-stream' | 'version-too-old';

/**
 * What is unusual about a stream and yet no reason to refuse it.
 *
 * - `capacity-over-2-tib`: VMware's own (2015) stream reader refuses more than 2^32 - 1 sectors
 * - `no-descriptor-signature`: the descriptor's first line is not `# Disk DescriptorFile`
 * - `descriptor-spelling`: the descriptor writes a name or a value in other than the usual capitals
 * - `long-descriptor`: it has more than 64 KiB of text
 * - `empty-parent-hint`: it names a parent by an empty name, so none
 * - `zero-parent-cid`: it has 0 for a parent's content id, where `ffffffff` means that there is none
 */
export type VmdkWarning =
  | 'capacity-over-2-tib'
  | 'no-descriptor-signature'
  | 'descriptor-spelling'
  | 'long-descriptor'
  | 'empty-parent-hint'
  | 'zero-parent-cid';

/** What a stream-optimized VMDK is. */
export interface VmdkInfo {
  /** The disk's size, in bytes. */
  readonly capacityBytes: number;
  /** Bytes of the disk that are in the stream: grains present times their size. The rest of the disk is zero. */
  readonly allocatedBytes: number;
  /** The stream's own length, in bytes: up to its end, whatever follows. Says nothing about the capacity. */
  readonly streamBytes: number;
  /** Zeros that follow the stream's end, in bytes, and are none of it: some stores give whole GiB back. */
  readonly paddingBytes: number;
  /** Where its tables stand and how it ends. */
  readonly layout: VmdkLayout;
  /** The format's version, 1 to 3. */
  readonly version: number;
  /** Grains present. */
  readonly grainCount: number;
  /** Bytes of the disk in one grain; 65 536 in practice. */
  readonly grainBytes: number;
  /** Whether the stream has no end-of-stream marker, so that one zero sector must follow it on its way to vSphere. */
  readonly needsEndOfStream: boolean;
  /** Whether vSphere would import the stream as it is, which is when there are no `importProblems`. */
  readonly importable: boolean;
  /** Why vSphere would not. */
  readonly importProblems: readonly ImportProblem[];
  /** What is unusual about it. */
  readonly warnings: readonly VmdkWarning[];
  /** What its embedded descriptor says. */
  readonly descriptor: VmdkDescriptor;
}
