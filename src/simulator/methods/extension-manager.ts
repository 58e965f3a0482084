import { ExtensionManager } from '../extension-manager.js';
import { fault } from '../fault.js';
import { as, type Handlers } from './handler.js';

export const extensionManagerMethods: Handlers<'FindExtension' | 'RegisterExtension'> = {
  FindExtension: (_world, target, { extensionKey }) => as(ExtensionManager, target).extensions.get(extensionKey),

  RegisterExtension({ registry }, target, { extension }) {
    const { extensions } = as(ExtensionManager, target);
    if (extensions.has(extension.key)) {
      throw fault('InvalidArgument', { invalidProperty: 'extension.key' }, `${extension.key} is registered already`);
    }
    extensions.set(extension.key, extension);
    registry.changed();
    return undefined;
  },
};
