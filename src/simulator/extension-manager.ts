import type { VimObject } from '../vim/schema/index.js';
import { ManagedObject, type PropertyTable } from './managed-object.js';

/** Knows the products that made themselves known to a vCenter, such as Cinder, whose VMs are managed by it. */
export class ExtensionManager extends ManagedObject {
  readonly extensions = new Map<string, VimObject<'Extension'>>();

  constructor() {
    super('ExtensionManager', 'ExtensionManager');
  }
}

export const extensionManagerProperties: PropertyTable<ExtensionManager> = {
  extensionList: { spec: 'Extension[]?', get: ({ extensions }) => [...extensions.values()] },
};
