import type { ControllerType } from '../inventory/controllers.js';

/** The kinds of hardware an OVF descriptor lists, by their numbers in CIM. */
export const resourceTypes = { processor: 3, memory: 4, ideController: 5, scsiController: 6, disk: 17 } as const;

/** What a descriptor calls the SCSI controllers. */
export const scsiSubTypes: Readonly<Record<string, ControllerType>> = {
  lsilogic: 'VirtualLsiLogicController',
  lsilogicsas: 'VirtualLsiLogicSASController',
  buslogic: 'VirtualBusLogicController',
  VirtualSCSI: 'ParaVirtualSCSIController',
};
