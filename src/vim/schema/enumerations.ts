/**
 * The enumerations of the subset: text for a caller; on the wire, where a value says of which type it is, they go by
 * their own names.
 */
export const enumerations = [
  'HostSystemConnectionState',
  'HostSystemPowerState',
  'HttpNfcLeaseState',
  'ManagedEntityStatus',
  'ObjectUpdateKind',
  'PropertyChangeOp',
  'SharesLevel',
  'TaskInfoState',
  'VirtualDeviceConfigSpecFileOperation',
  'VirtualDeviceConfigSpecOperation',
  'VirtualMachineConnectionState',
  'VirtualMachineFaultToleranceState',
  'VirtualMachinePowerState',
  'VirtualMachineRecordReplayState',
  'VirtualMachineToolsStatus',
  'VirtualSCSISharing',
] as const;

/** The name of an enumeration. */
export type EnumerationName = (typeof enumerations)[number];

/** Whether a type is one of the subset's enumerations. */
export function isEnumeration(type: string): type is EnumerationName {
  return (enumerations as readonly string[]).includes(type);
}
