import type { VimObject } from '../../vim/schema/index.js';
import { busCount, busOf, type ControllerDevice, controllerKey, isControllerType } from '../inventory/controllers.js';
import { type DevicePlan, invalidDevice } from './device-plan.js';

/** Plans a change of a controller. @throws Fault InvalidDeviceSpec */
export function planController(plan: DevicePlan, change: VimObject<'VirtualDeviceConfigSpec'>, index: number): void {
  if (change.fileOperation !== undefined) throw invalidDevice(index, 'fileOperation', 'a controller has no file');
  switch (change.operation) {
    case 'add':
      addController(plan, change.device, index);
      return;
    case 'remove':
      removeController(plan, change.device, index);
      return;
    case 'edit':
      if (!plan.devices.some(({ key }) => key === change.device.key))
        throw invalidDevice(index, 'device.key', 'there is none');
      return;
    default:
      throw invalidDevice(index, 'operation', `operation ${change.operation ?? '(none)'} is not known`);
  }
}

function addController(plan: DevicePlan, device: VimObject<'VirtualDevice'>, index: number): void {
  const { _type: type } = device;
  if (!isControllerType(type) || !('busNumber' in device)) {
    throw invalidDevice(index, 'device', `the simulator has no ${type}`);
  }
  const buses = plan.devices.filter(
    (other): other is ControllerDevice => other.kind === 'controller' && busOf(other.type) === busOf(type),
  );
  const { busNumber } = device;
  if (busNumber < 0 || busNumber >= busCount(type)) {
    throw invalidDevice(index, 'device.busNumber', `bus ${busNumber} is out of range`);
  }
  if (buses.some((other) => other.busNumber === busNumber)) {
    throw invalidDevice(index, 'device.busNumber', `bus ${busNumber} is taken`);
  }
  const key = controllerKey(type, busNumber);
  if (plan.newKeys.has(device.key)) throw invalidDevice(index, 'device.key', `key ${device.key} occurs twice`);
  plan.newKeys.set(device.key, key);
  const sharedBus = 'sharedBus' in device ? device.sharedBus : 'noSharing';
  plan.devices = [...plan.devices, { kind: 'controller', key, type, busNumber, sharedBus }];
}

function removeController(plan: DevicePlan, { key }: VimObject<'VirtualDevice'>, index: number): void {
  const found = plan.devices.find((device) => device.key === key);
  if (found?.kind !== 'controller') throw invalidDevice(index, 'device.key', `there is no controller ${key}`);
  if (plan.devices.some((device) => device.kind === 'disk' && device.controllerKey === key)) {
    throw invalidDevice(index, 'device.key', `controller ${key} still has disks`);
  }
  plan.devices = plan.devices.filter((device) => device !== found);
}
