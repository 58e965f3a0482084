import { createHash } from 'node:crypto';
import { fileNameFor } from '../model/datastore-path.js';

/** vCenter allows 80 characters in a VM's name. */
const longestVmName = 80;
/** A file's name has room for 255 bytes; what an operation adds to a volume's takes some 50 of them. */
const longestFileStem = 150;
const prefix = 'vmdk-driver-restore-';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The BIOS UUID (`VirtualMachineConfigSpec.uuid`) every temporary VM has, so that recovery finds them all with one
 * `FindAllByUuid` and needs no scan of the inventory.
 */
export const temporaryVmUuid = '766d646b-6472-4976-8572-2d746d702d31';

/**
 * The name of the temporary VM of a restore of this volume. It follows from the volume alone: since names are unique in
 * a folder, the server itself refuses a second restore of the same volume at the same time.
 */
export function temporaryVmName(volumeId: string): string {
  const name = `${prefix}${volumeId.replace(/[^\w.-]/g, '_')}`;
  if (name.length <= longestVmName && name.endsWith(volumeId)) return name;
  return `${prefix}${createHash('sha256').update(volumeId).digest('hex').slice(0, 32)}`;
}

/** Whether a VM's name is one that temporary VMs have. */
export function isTemporaryVmName(name: string): boolean {
  return name.startsWith(prefix);
}

/** The folder, and the stem of the files in it, of a temporary VM whose disk becomes another VM's. */
export function importStem(operation: string): string {
  return `${prefix}${operation}`;
}

/** Whether a folder is one into which some operation imported a disk. */
export function isImportFolder(folder: string): boolean {
  return folder.startsWith(prefix) && uuid.test(folder.slice(prefix.length));
}

/**
 * The stem of a restored disk's file, and of a new volume's folder. It carries the whole id of the operation: no other restore,
 * before or after, can mean it.
 */
export function restoredStem(volumeName: string, operation: string): string {
  return `${cut(fileNameFor(volumeName), longestFileStem)}-restored-${operation}`;
}

/** The stem of a file or folder without what a restore, or a server that found the name taken, added to it. */
export function plainStem(stem: string): string {
  return stem
    .replace(/_\d+$/, '')
    .replace(/-restored-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '')
    .replace(/-restored-[0-9a-f]{8}$/, '');
}

function cut(text: string, bytes: number): string {
  let short = text;
  while (Buffer.byteLength(short) > bytes) short = short.slice(0, -1);
  return short.replace(/[\uD800-\uDBFF]$/, '');
}
