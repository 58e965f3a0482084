import { Fault, fault } from '../fault.js';
import { Datastore } from '../inventory/datastore.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import { requireAccessible } from '../operations/locate.js';
import { importSpec } from '../ovf/import-spec.js';
import { readDescriptor } from '../ovf/read-descriptor.js';
import { writeDescriptor } from '../ovf/write-descriptor.js';
import type { Handlers } from './handler.js';

export const ovfManagerMethods: Handlers<'CreateImportSpec' | 'CreateDescriptor'> = {
  CreateImportSpec({ registry }, _target, { ovfDescriptor, resourcePool, datastore: store, cisp }) {
    const pool = registry.get(ResourcePool, resourcePool, 'resourcePool');
    const datastore = registry.get(Datastore, store, 'datastore');
    requireAccessible(datastore);
    const target = {
      name: cisp.entityName,
      home: datastore.pathTo(''),
      pool: pool.ref,
      provisioning:
        cisp.diskProvisioning === undefined || cisp.diskProvisioning === '' ? 'thick' : cisp.diskProvisioning,
    };
    try {
      return importSpec(readDescriptor(ovfDescriptor), target);
    } catch (error) {
      // What is wrong with a descriptor is part of the answer.
      if (error instanceof Fault) return { error: [error.localized()] };
      throw error;
    }
  },

  CreateDescriptor({ registry }, _target, { obj, cdp }) {
    const vm = registry.get(VirtualMachine, obj, 'obj');
    const { name = vm.name, ovfFiles = [], snapshot } = cdp;
    if (snapshot !== undefined) throw fault('NotSupported', {}, 'The simulator keeps no earlier state of a disk');
    return { ovfDescriptor: writeDescriptor(vm, ovfFiles, name), includeImageFiles: false };
  },
};
