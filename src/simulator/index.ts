/**
 * A vCenter or an ESXi host within this process, for tests of code that backs up and restores volumes.
 *
 * @module
 */

export type { Administrator, OtherTask, VmChange } from './administrator.js';
export type { NewVm } from './add-vm.js';
export type {
  CallFault,
  CallFaultKind,
  CallFaultTime,
  FaultTemplate,
  InjectedCallFault,
  InjectedFault,
  SessionEnd,
} from './call-faults.js';
export type { CallEvent, CallListener, CallPhase } from './call-listeners.js';
export type { CallRecord } from './call-log.js';
export type {
  DiskInfo,
  FileInfo,
  LeaseInfo,
  SessionInfo,
  SimulatorState,
  TaskDescription,
  TransferInfo,
  VmInfo,
} from './inspection.js';
export type { HostConnectionState } from './inventory/host-system.js';
export type { Leftover } from './leftovers.js';
export type { TransferFault, TransferFaultKind } from './nfc/transfer-faults.js';
export type { LeaseKind, LeaseState } from './nfc/lease.js';
export type {
  ClusterOptions,
  DatacenterOptions,
  DatastoreOptions,
  DatastoreState,
  EndedSessionAnswer,
  Exchange,
  HostOptions,
  Latency,
  MountOptions,
  Quirks,
  SimulatorMode,
  SimulatorOptions,
  StoragePolicyOptions,
  UserOptions,
} from './options.js';
export type { NewVmDisk } from './new-vm-disk.js';
export type { VmName } from './lookup.js';
export type { Simulator } from './simulator.js';
export { startSimulator } from './start-simulator.js';
export type { Provisioning } from './storage/disk-file.js';
export type { TaskState } from './task.js';
