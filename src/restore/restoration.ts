import type { ImportedVm } from './import-temporary-vm.js';

/** The two halves of a restore: before the volume changes, and the change. */
export interface Restoration {
  /** Imports the stream as a temporary VM; the volume is not touched. */
  importDisk(): Promise<ImportedVm>;
  /** Makes the imported disk the volume's: all at once, or not at all. */
  takeEffect(imported: ImportedVm): Promise<void>;
}
