import type { Ending } from './ending.js';
import type { ImportedVm } from './import-temporary-vm.js';
import type { Ownership } from './ownership.js';

/** What a restore does to a volume, step by step. To make one changes nothing. */
export interface Restoration {
  /** Imports the stream as a temporary VM; the volume is not touched. */
  importDisk(): Promise<ImportedVm>;
  /** Makes the imported disk the volume's: all at once, or not at all. */
  apply(imported: ImportedVm, ownership: Ownership): Promise<void>;
  /**
   * Ends it, whichever way it went, by what is in the inventory then.
   *
   * @param ownership of the temporary VM, where it came to that
   */
  end(ownership: Ownership | undefined): Promise<Ending>;
}
