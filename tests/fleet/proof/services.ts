import { FileBackupService, ObjectBackupService } from '../../../src/services/index.js';
import { FileObjectStore } from '../../../src/stores/index.js';
import { storeAt } from '../../real-stores/support/place.js';
import type { ProofStore } from './order.js';

export function serviceOf(store: ProofStore) {
  switch (store.kind) {
    case 'file':
      return new FileBackupService({ directory: store.directory });
    case 'objects':
      return new ObjectBackupService({ store: new FileObjectStore({ directory: store.directory }) });
    case 's3':
      return new ObjectBackupService({ store: storeAt(store.place) });
  }
}
