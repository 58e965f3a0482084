import type { MethodDefinition } from './methods.js';

/** The methods that turn an OVF descriptor into a VM's specification, and a VM into a descriptor. */
export const ovfMethods = {
  CreateImportSpec: {
    on: 'OvfManager',
    params: { ovfDescriptor: 'string', resourcePool: 'ref', datastore: 'ref', cisp: 'OvfCreateImportSpecParams' },
    returns: 'OvfCreateImportSpecResult',
    idempotent: true,
  },
  CreateDescriptor: {
    on: 'OvfManager',
    params: { obj: 'ref', cdp: 'OvfCreateDescriptorParams' },
    returns: 'OvfCreateDescriptorResult',
    idempotent: true,
  },
} as const satisfies Record<string, MethodDefinition>;
