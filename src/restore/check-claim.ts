import { isMarkedAs } from '../backing/backing.js';
import { importStem, isImportFolder, plainStem, restoredStem } from '../journal/operation-names.js';
import { type RestoreJournal, temporaryVmName } from '../journal/restore-journal.js';
import { fileNameFor, parseDatastorePath } from '../model/datastore-path.js';
import type { BackingState } from './backing-state.js';
import { exchangeState } from './fencing.js';
import type { JournalledVm } from './temporary-vm.js';

/**
 * What a journal claims that does not agree with what is there; `undefined` where all of it does. A journal can be planted by
 * anybody who may create a VM, and whoever ends a restore destroys VMs and deletes files by it. Whatever it names must be one of
 * the names this operation gives, in the temporary VM's own folder or in its volume's.
 */
export function claimProblem(vm: JournalledVm, backing: BackingState | undefined): string | undefined {
  const { journal, name, sight } = vm;
  const { replacement, volumeId } = journal;
  if (name !== temporaryVmName(volumeId))
    return `its name is ${name} where a restore's is ${temporaryVmName(volumeId)}`;
  if (replacement === undefined) {
    const foreign = sight.attached.find((path) => !isImported(path, vm));
    return foreign && `its disk ${foreign} is not one that this restore imported`;
  }
  if (backing === undefined) return 'its backing is missing';
  if (backing.isTemporary || backing.ref.value === vm.ref.value) return `${backing.name} is a temporary VM itself`;
  if (!isMarkedAs(backing.identity, volumeId)) return `${backing.name} is not marked as volume ${volumeId}`;
  if (backing.disks.length > 1) {
    return `${backing.name} has ${backing.disks.join(', ')} attached where a backing has one disk: detach the others`;
  }
  const { move } = replacement;
  if (move !== undefined && !isImported(move.importedDisk, vm)) {
    return `${move.importedDisk} is not where this restore imports a disk`;
  }
  if (move !== undefined && !isRestored(move.newDisk, journal, backing)) {
    return `${move.newDisk} is not where this restore puts a disk`;
  }
  const { operation, removedDisk } = backing.marks;
  const isExchanged = exchangeState(operation, journal.operation) !== 'undone';
  const wasRemoved = (path: string): boolean =>
    isExchanged && removedDisk !== undefined && isSamePlace(path, removedDisk);
  const foreign = sight.attached.find((path) => !isImported(path, vm) && !wasRemoved(path));
  return foreign && `its disk ${foreign} is not this restore's`;
}

/** Whether two paths are the same within their datastore, whose name may have changed. */
export function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [parseDatastorePath(one), parseDatastorePath(other)];
  return a.folder === b.folder && a.file === b.file;
}

/**
 * Whether a path is one at which an operation's import makes a disk: in a folder that only this operation has, or beside the
 * temporary VM's own configuration and of its name. In the folder of another VM a configuration of that name would be that VM's.
 */
export function isImported(path: string, { journal, vmPath }: Pick<JournalledVm, 'journal' | 'vmPath'>): boolean {
  const { operation, volumeId, volumeName } = journal;
  const { folder, file } = parseDatastorePath(path);
  if (!file.endsWith('.vmdk') || folder.split('/').includes('..')) return false;
  if (folder === importStem(operation)) return true;
  if (vmPath === undefined || folder !== folderOf(vmPath)) return false;
  // A vMotion, or a datastore that names folders itself, names files after the VM.
  const own = [importStem(operation), temporaryVmName(volumeId)];
  const configuration = parseDatastorePath(vmPath).file;
  return (
    own.some((stem) => isNamed(file, stem, 'vmdk')) ||
    [...own, fileNameFor(volumeName)].some((stem) => isNamed(configuration, stem, 'vmx') && isNamed(file, stem, 'vmdk'))
  );
}

/** Whether a file is named so; a server adds a number to a name that is taken. */
function isNamed(file: string, stem: string, extension: 'vmdk' | 'vmx'): boolean {
  if (!file.startsWith(stem)) return false;
  return new RegExp(`^(_\\d+)?\\.${extension}$`).test(file.slice(stem.length));
}

/**
 * Whether a path is the one to which an operation moves its disk: in the volume's folder, or in one that it had or may have had.
 * Of the last nothing is deleted.
 */
function isRestored(path: string, journal: RestoreJournal, backing: BackingState): boolean {
  const { operation, volumeName } = journal;
  const { folder, file } = parseDatastorePath(path);
  if (file !== `${restoredStem(volumeName, operation)}.vmdk`) return false;
  return isOwnFolder(folder, journal, backing) || tellsNoOwner(folder);
}

/**
 * Whether a folder is the volume's: by its name, or since the disk that a restore was to replace, by its journal, is the one that its
 * exchange took, by the backing. Who plants a temporary VM cannot write what the backing says.
 */
export function isOwnFolder(
  folder: string,
  { operation, volumeName, replacement }: RestoreJournal,
  backing: BackingState,
): boolean {
  if (isFolderOf(folder, volumeName, backing)) return true;
  const { operation: mark, removedDisk } = backing.marks;
  if (replacement === undefined || removedDisk === undefined) return false;
  if (exchangeState(mark, operation) !== 'completed' || !isSamePlace(removedDisk, replacement.oldDisk)) return false;
  return folder === folderOf(removedDisk);
}

/**
 * Whether a folder's name does not tell whose it is: vSAN and virtual volumes name folders by objects, and where a datastore moves no
 * disks, a volume's is in the folder into which some restore imported it.
 */
function tellsNoOwner(folder: string): boolean {
  return objectFolder.test(folder) || isImportFolder(folder);
}

const objectFolder = /^(rfc4122\.)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^naa\.[0-9a-f]+$/;

/**
 * Whether a folder is a backing's, or may have been before a storage vMotion: that gives it the VM's name, with a number where
 * another folder has it.
 */
function isFolderOf(folder: string, volumeName: string, backing: BackingState): boolean {
  if (folder.split('/').includes('..')) return false;
  const own = [folderOf(backing.vmPath), ...backing.disks.map(folderOf)].filter((one) => one !== undefined);
  if (own.includes(folder)) return true;
  const stems = [...own, fileNameFor(volumeName), fileNameFor(backing.name)].map(plainStem);
  return folder !== '' && stems.includes(plainStem(folder));
}

function folderOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : parseDatastorePath(path).folder;
}
