import { FileBackupService, ObjectBackupService } from '../../../src/services/index.js';
import { FileObjectStore } from '../../../src/stores/index.js';
import type { ServedVcenter } from './order.js';

export function serviceOf({ store, directory }: Pick<ServedVcenter, 'store' | 'directory'>) {
  return store === 'file'
    ? new FileBackupService({ directory })
    : new ObjectBackupService({ store: new FileObjectStore({ directory }) });
}
